package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// firstCPU is the processor for processes that have only one.
const firstCPU = "0"

var pinned sync.Mutex

// pin moves this process, which is the load, to the first processor. back moves it back. Another pin waits
// until then.
func pin() (back func() error, err error) {
	pinned.Lock()
	defer func() {
		if err != nil {
			pinned.Unlock()
		}
	}()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	var before string
	for line := range strings.Lines(string(status)) {
		if list, ok := strings.CutPrefix(line, "Cpus_allowed_list:"); ok {
			before = strings.TrimSpace(list)
		}
	}
	if before == "" {
		return nil, fmt.Errorf("which processors are allowed is not known")
	}
	if err := move(firstCPU); err != nil {
		return nil, err
	}
	procs := runtime.GOMAXPROCS(1)
	return func() error {
		defer pinned.Unlock()
		runtime.GOMAXPROCS(procs)
		return move(before)
	}, nil
}

// move makes all threads of this process run only on the given processors.
func move(cpus string) error {
	out, err := exec.Command("taskset", "-a", "-c", "-p", cpus, strconv.Itoa(os.Getpid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("taskset: %w: %s", err, out)
	}
	return nil
}
