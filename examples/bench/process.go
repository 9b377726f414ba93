package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A process is a server that was started for one work.
type process struct {
	addr string

	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startTimeout is how long a server may take to write its address.
const startTimeout = 20 * time.Second

// start starts a server and waits for its address. With oneCPU it has one processor.
func start(command []string, oneCPU bool) (*process, error) {
	if oneCPU {
		command = append([]string{"taskset", "-c", firstCPU}, command...)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	if oneCPU {
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	}
	in, out, err := startPiped(cmd)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, in: in, out: out}
	timer := time.AfterFunc(startTimeout, func() { cmd.Process.Kill() })
	defer timer.Stop()
	line, err := p.out.ReadString('\n')
	if err != nil {
		cmd.Process.Kill()
		return nil, errors.Join(fmt.Errorf("%s has not started: %w", strings.Join(command, " "), err), cmd.Wait())
	}
	p.addr = strings.TrimSpace(line)
	return p, nil
}

// ask sends one line and parses the numbers of the answer.
func (p *process) ask(question string, numbers ...any) error {
	if _, err := io.WriteString(p.in, question+"\n"); err != nil {
		return fmt.Errorf("asking the server: %w", err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	_, err = fmt.Sscan(line, numbers...)
	return err
}

// cpu returns the processor time that the server has used.
func (p *process) cpu() (time.Duration, error) {
	var ns int64
	err := p.ask("cpu", &ns)
	return time.Duration(ns), err
}

// calls returns how many read and write system calls the server has made, or 0 if the system does not say
// it.
func (p *process) calls() (reads, writes uint64) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/io")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(b)) {
		fmt.Sscanf(line, "syscr: %d", &reads)
		fmt.Sscanf(line, "syscw: %d", &writes)
	}
	return reads, writes
}

// memory returns the size of the server's heap and stacks, and its resident memory, in bytes.
func (p *process) memory() (heap, resident float64, err error) {
	err = p.ask("memory", &heap, &resident)
	return heap, resident, err
}

// stop ends the server by ending its input.
func (p *process) stop() error {
	p.in.Close()
	timer := time.AfterFunc(startTimeout, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	return p.cmd.Wait()
}

// startPiped starts a process whose input and output are pipes.
func startPiped(cmd *exec.Cmd) (in io.WriteCloser, out *bufio.Reader, err error) {
	if in, err = cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	return in, bufio.NewReader(pipe), cmd.Start()
}
