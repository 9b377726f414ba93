package legacy

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// Answers come in the order of the questions, and there is a bound to those.
func TestRecords(t *testing.T) {
	_, err := server(V002).AskRecord("ada", nil)
	require.Equal(t, wire.CodeUnsupported, codeOf(err))
	p := server(V1x)
	var asked []string
	send := func(question []byte) error { asked = append(asked, string(question)); return nil }
	first, err := p.AskRecord("ada", send)
	require.NoError(t, err)
	second, err := p.AskRecord("bob", send)
	require.NoError(t, err)
	require.Len(t, asked, 2)
	require.Equal(t, Nothing, p.Route([]byte(`{"ip": ["127.0.0.1", 5], "name": "ada", "group": null}`)).Do)
	who, ok, err := ParseRecord(<-first)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "ada", who.Name)
	require.Empty(t, second)

	broken := errors.New("broken")
	_, err = p.AskRecord("carol", func([]byte) error { return broken })
	require.Equal(t, broken, err, "and then nobody waits")
	for range maxRecords - 1 {
		_, err := p.AskRecord("carol", send)
		require.NoError(t, err)
	}
	_, err = p.AskRecord("carol", send)
	require.Equal(t, wire.CodeTooManyCalls, codeOf(err))
}
