package measure

import (
	"fmt"
	"os"
	"testing"
)

// The test binary is also the program of the processes that a scene starts.
func TestMain(m *testing.M) {
	if os.Getenv("HISOCK_SCALING_WORKER") != "" {
		if err := Serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
