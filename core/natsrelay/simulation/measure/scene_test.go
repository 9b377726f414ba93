package measure

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A scene ends with the first fault, and says where it was.
func TestFaultOfAProcess(t *testing.T) {
	s := &scene{command: []string{os.Args[0]}, tries: 1}
	p := s.part()
	call[bool](p, "Clients", ClientsSpec{Addr: "127.0.0.1:1", Names: []string{"a"}})
	require.Zero(t, call[Usage](p, "Usage", false), "nothing is done any more")
	require.ErrorContains(t, s.end(), "Clients: ")
	_, err := os.Stat(s.dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}
