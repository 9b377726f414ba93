package core

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// beServer welcomes one client by hand, sends it say, and reads up to the client's goodbye, which
// must have the given code.
func beServer(lis *transport.PipeListener, say []byte, code Code) error {
	stream, err := lis.Accept()
	if err != nil {
		return err
	}
	defer stream.Close() //nolint:errcheck // it is over
	p := coretest.Peer{Stream: stream}
	if _, err := p.ReadHello(); err != nil {
		return err
	}
	if _, err := stream.Write(append(wire.AppendWelcome(nil, &wire.Welcome{}), say...)); err != nil {
		return err
	}
	bye, err := p.ReadGoodbye()
	if err == nil && bye.Code != code {
		err = errors.New("goodbye with " + bye.Code.String())
	}
	return err
}

// A client leaves a server that puts it into too many groups, or into a group with an invalid name.
// It does not keep such groups.
func TestTooManyGroupsFromServer(t *testing.T) {
	tests := map[string]struct {
		prefix string
		code   Code
	}{
		"too many":   {"group ", CodeTooManyGroups},
		"not a name": {"\x1b[31m", CodeBadName},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				t := w.t
				var say []byte
				for i := range defaultClientGroups + 100 {
					say = wire.AppendJoinGroup(say, tc.prefix+strconv.Itoa(i))
				}
				result := make(chan error, 1)
				go func() { result <- beServer(w.lis, say, tc.code) }()
				cl := w.client("ada")
				require.NoError(t, cl.Connect(w.ctx))
				select {
				case <-cl.Done():
				case <-time.After(time.Minute):
				}
				require.NoError(t, cl.Close())
				require.Equal(t, tc.code.String(), CodeOf(cl.Err()).String())
				require.NoError(t, <-result)
				require.LessOrEqual(t, len(cl.Conn().Groups()), defaultClientGroups)
				require.NoError(t, w.lis.Close())
			})
		})
	}
}
