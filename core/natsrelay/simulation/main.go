// Command simulation computes what a cluster of hisock servers over NATS can carry, from 1 to 1,000 nodes and from 10 thousand to 100 million clients,
// and writes docs/scaling.md's tables and plots. In core/natsrelay:
//
//	go run ./simulation           from the costs in simulation/costs.json
//	go run ./simulation measure   measures these costs anew, in less than a minute
//	go run ./simulation measure again   measures once more, and keeps the least costs
//	go run ./simulation check     runs small real clusters, and notes beside each figure what the model says
//
// The machine should have nothing else to do while it measures.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/hisock/hisock/core/natsrelay/simulation/measure"
	"github.com/hisock/hisock/core/natsrelay/simulation/model"
	"github.com/hisock/hisock/core/natsrelay/simulation/report"
)

// Files and folders, from core/natsrelay.
const (
	costsFile  = "simulation/costs.json"
	checksFile = "simulation/checks.json"
	docs       = "../../docs"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "simulation:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	what := strings.Join(args, " ")
	switch what {
	case "":
		c, err := model.Read(costsFile)
		if err != nil {
			return err
		}
		checks, err := model.ReadChecks(checksFile)
		if err != nil {
			return err
		}
		p := report.Make(c, checks)
		return p.Write(docs)
	case "worker":
		return measure.Serve()
	case "measure", "measure again":
		m, err := measurer()
		if err != nil {
			return err
		}
		var before *model.Costs
		if what == "measure again" {
			c, err := model.Read(costsFile)
			if err != nil {
				return err
			}
			before = &c
		}
		save := func(c model.Costs) error {
			c.Date, c.Machine = time.Now().UTC().Format(time.DateOnly), machine()
			return c.Save(costsFile)
		}
		var kept error
		m.Save = func(c model.Costs) { kept = save(c) }
		c, err := m.Costs(before)
		if err := errors.Join(err, kept); err != nil {
			return err
		}
		return save(c)
	case "check":
		m, err := measurer()
		if err != nil {
			return err
		}
		c, err := model.Read(costsFile)
		if err != nil {
			return err
		}
		checks, err := m.Check(c)
		if err != nil {
			return err
		}
		return model.SaveChecks(checksFile, checks)
	}
	return fmt.Errorf("there is no %q", what)
}

func measurer() (*measure.Measurer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &measure.Measurer{Command: []string{self, "worker"}, Effort: 1, Rounds: 1, Tries: 5, Log: os.Stderr}, nil
}

// machine describes this machine.
func machine() string {
	name := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
			}
		}
	}
	return fmt.Sprintf("%s, %d processors, %s, %s", name, runtime.NumCPU(), runtime.GOOS, runtime.Version())
}
