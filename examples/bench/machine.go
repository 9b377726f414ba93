package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/hisock/hisock/examples/bench/report"
)

// machine returns facts about the machine.
func machine() []report.Fact {
	facts := []report.Fact{
		{Name: "processor", Text: processor() + ", " + strconv.Itoa(runtime.NumCPU()) + " cores"},
		{Name: "system", Text: runtime.GOOS + "/" + runtime.GOARCH + " " + firstLine("/proc/sys/kernel/osrelease")},
		{Name: "Go", Text: runtime.Version()},
	}
	if v, err := output("node", "--version"); err == nil {
		facts = append(facts, report.Fact{Name: "Node", Text: v})
	}
	return facts
}

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func output(name string, args ...string) (string, error) {
	b, err := exec.Command(name, args...).Output()
	return strings.TrimSpace(string(b)), err
}

// versions returns the version of each contestant.
func versions(who []contestant) []report.Fact {
	modules := make(map[string]string)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			modules[m.Path] = m.Version
		}
	}
	var facts []report.Fact
	for _, c := range who {
		var text string
		switch {
		case c.module == "":
			text = ofThisRepository()
		case c.script != "":
			text = "npm " + c.module + " " + packageVersion(c.module)
		default:
			text = c.module + " " + modules[c.module]
		}
		facts = append(facts, report.Fact{Name: c.name, Text: text})
	}
	return facts
}

// ofThisRepository returns the version of what is in this repository.
func ofThisRepository() string {
	v, err := output("git", "rev-parse", "--short", "HEAD")
	if err != nil {
		return "of this repository"
	}
	return "of this repository, at " + v
}

func packageVersion(name string) string {
	b, err := os.ReadFile(filepath.Join(nodeDir, "node_modules", name, "package.json"))
	if err != nil {
		return "not installed"
	}
	var p struct{ Version string }
	if err := json.Unmarshal(b, &p); err != nil {
		return err.Error()
	}
	return p.Version
}
