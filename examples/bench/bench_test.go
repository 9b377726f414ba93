package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/bench/load"
	"github.com/hisock/hisock/examples/bench/report"
)

// TestMain runs a server if the test's program is started as one, as the command does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := runServer(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "fetch" {
		if err := runFetch(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestEveryContestant(t *testing.T) {
	r := &runner{
		rounds: 1, warm: 5 * time.Millisecond, measure: 25 * time.Millisecond, settle: time.Millisecond,
		drain: 20 * time.Second, log: io.Discard,
	}
	all := works(scale{receivers: 20, groups: 5, idle: 40, clients: 3, bytes: 1 << 20})
	for _, c := range contestants {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.script != "" {
				if _, err := os.Stat(filepath.Join(nodeDir, "node_modules")); err != nil {
					t.Skip("the npm packages are not installed, which make setup does")
				}
			}
			for _, w := range all {
				if !w.takenBy(c) {
					continue
				}
				if _, err := exec.LookPath("taskset"); w.oneCPU && err != nil {
					t.Logf("%s: there is no taskset", w.Name)
					continue
				}
				s, err := r.once(w, c)
				require.NoError(t, err, w.Name)
				switch w.Kind {
				case report.Memory:
					require.NotZero(t, s.Resident, w.Name)
				case report.Latency:
					require.Positive(t, s.P50, w.Name)
					require.GreaterOrEqual(t, s.P99, s.P50, w.Name)
				case report.Transfer:
					require.Positive(t, s.Rate, w.Name)
					require.Positive(t, s.Elapsed, w.Name)
				default:
					require.Positive(t, s.Rate, w.Name)
				}
			}
		})
	}
}

// A server that ends early gives a failure, and no figure.
func TestFailureIsReported(t *testing.T) {
	r := &runner{rounds: 2, warm: time.Millisecond, measure: time.Millisecond, log: io.Discard}
	done := 0
	w := work{Work: report.Work{Name: "w"}, run: failing(&done)}
	results := r.run([]work{w}, contestants[:1])
	require.Len(t, results[0].Rows, 1)
	require.Contains(t, results[0].Rows[0].Failure, "exit status 1")
	require.Equal(t, 1, done, "it was tried again")
	require.ErrorContains(t, failures(results), "w: floor: ")
	require.Nil(t, results[0].Row(report.Floor))
}

// failing sends the server an unknown question, which ends the server.
func failing(done *int) func(*runner, *process, load.Target) (report.Sample, error) {
	return func(_ *runner, p *process, _ load.Target) (s report.Sample, err error) {
		*done++
		_, err = io.WriteString(p.in, "nonsense\n")
		return s, err
	}
}

func TestChoose(t *testing.T) {
	tests := map[string]struct {
		only  string
		works int
		who   []string
	}{
		"all":                    {"", len(works(fullScale)), nil},
		"one work":               {"echo-1", 1, nil},
		"the floor takes part":   {"hisock/ws,echo-1,echo-64", 2, []string{"floor", "hisock/ws"}},
		"a page":                 {"streams", 4, nil},
		"a page, and some of it": {"streams,grpc,hisock/ws", 4, []string{"floor", "grpc", "hisock/ws"}},
		"the floor alone":        {"floor", len(works(fullScale)), []string{"floor"}},
		"the floor, named later": {"nats,floor", len(works(fullScale)), []string{"floor", "nats"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			works, who, err := choose(tc.only)
			require.NoError(t, err)
			require.Len(t, works, tc.works)
			if tc.who == nil {
				require.Len(t, who, len(contestants))
				return
			}
			var names []string
			for _, c := range who {
				names = append(names, c.name)
			}
			require.Equal(t, tc.who, names)
		})
	}
	_, _, err := choose("echo-1,nobody")
	require.ErrorContains(t, err, `"nobody"`)
}
