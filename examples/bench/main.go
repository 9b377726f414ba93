package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/hisock/hisock/examples/bench/serve"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 && args[0] == "serve" {
		return runServer(args[1:])
	}
	if len(args) > 0 && args[0] == "fetch" {
		return runFetch(args[1:], os.Stdin, os.Stdout)
	}
	if len(args) > 0 && args[0] == "web" {
		return runWeb(args[1:])
	}
	if len(args) > 0 && args[0] == "cluster" {
		return runCluster(args[1:], os.Stdout)
	}
	return runBench(args)
}

// runServer runs a contestant's server. The benchmark starts it as a process for each work.
func runServer(args []string) error {
	f := flag.NewFlagSet("serve", flag.ExitOnError)
	profile := f.String("profile", "", "write a profile of processor time to this directory")
	if err := f.Parse(args); err != nil {
		return err
	}
	return serve.Run(f.Arg(0), *profile, os.Stdin, os.Stdout)
}
