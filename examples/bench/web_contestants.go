package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"

	"github.com/hisock/hisock/examples/bench/report"
)

// webDir is the folder of the pages.
const webDir = "web"

// A webContestant is a client in a page, and its server.
type webContestant struct {
	name    string
	page    string   // folder of the page, and file in web/page/contestants
	server  string   // its name in package serve; empty for the server that runs in Node
	modules []string // Go modules and npm packages; none for code of this repository
}

// webContestants are in the order in which each round runs them.
var webContestants = []webContestant{
	{name: "hisock, JavaScript", page: "hisock-js", server: "page/hisock"},
	{name: "hisock, Go program", page: "hisock-wasm", server: "page/hisock"},
	{name: "by hand", page: "hand-each", server: "page/hand", modules: []string{"github.com/gobwas/ws"}},
	{name: "by hand, gathered", page: "hand-gathered", server: "page/hand", modules: []string{"github.com/gobwas/ws"}},
	{name: "Socket.IO", page: "socketio", modules: []string{"socket.io-client", "socket.io"}},
	{name: "centrifuge-js", page: "centrifuge", server: "page/centrifuge", modules: []string{"centrifuge", "github.com/centrifugal/centrifuge"}},
	{name: "nats.js", page: "nats", server: "page/nats", modules: []string{"@nats-io/nats-core", "github.com/nats-io/nats-server/v2"}},
}

// command returns the command that starts the contestant's server.
func (c webContestant) command() ([]string, error) {
	if c.server == "" {
		node, err := exec.LookPath("node")
		return []string{node, "--expose-gc", filepath.Join(webDir, "server.mjs")}, err
	}
	exe, err := os.Executable()
	return []string{exe, "serve", c.server}, err
}

// A webSite says what pages.mjs has made.
type webSite struct {
	Downloads map[string]int    // what each contestant's page downloads, in bytes, by the name of the page
	Files     map[string]int    // what a page downloads of each entry of the package hisock, in bytes
	Versions  map[string]string // of npm packages
}

// makeWebSite makes the package of this repository, and the pages with it in a folder.
func makeWebSite(dir string) (site webSite, err error) {
	for _, packages := range []string{filepath.Join("..", "..", "web"), webDir} {
		if err := installNode(packages, os.Stderr); err != nil {
			return site, err
		}
	}
	fmt.Fprintln(os.Stderr, "building the package and the pages")
	if err := runNode(filepath.Join("..", "..", "web", "build", "package.mjs"), nil); err != nil {
		return site, err
	}
	var out []byte
	if err := runNode(filepath.Join(webDir, "pages.mjs"), &out, dir); err != nil {
		return site, err
	}
	return site, json.Unmarshal(out, &site)
}

// runNode runs a script to its end, and puts its output into out unless that is nil.
func runNode(script string, out *[]byte, args ...string) error {
	node := exec.Command("node", append([]string{script}, args...)...)
	node.Stderr = os.Stderr
	printed, err := node.Output()
	if err != nil {
		return fmt.Errorf("node %s: %w", script, err)
	}
	if out != nil {
		*out = printed
	}
	return nil
}

// webVersions returns the version of each contestant.
func webVersions(who []webContestant, site webSite) (facts []report.Fact) {
	modules := make(map[string]string)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			modules[m.Path] = m.Version
		}
	}
	for _, c := range who {
		text := ""
		for _, name := range c.modules {
			if text != "" {
				text += ", "
			}
			if version, ok := site.Versions[name]; ok {
				text += "npm " + name + " " + version
			} else {
				text += name + " " + modules[name]
			}
		}
		if len(c.modules) == 0 {
			text = ofThisRepository()
		}
		facts = append(facts, report.Fact{Name: c.name, Text: text})
	}
	return facts
}
