package legacy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// Answers come in the order of the requests, whose number is bounded.
func TestRecords(t *testing.T) {
	_, _, err := server(V002).AskRecord("ada")
	require.Equal(t, wire.CodeUnsupported, codeOf(err))
	p := server(V1x)
	question, first, err := p.AskRecord("ada")
	require.NoError(t, err)
	require.Equal(t, string(frames("$GETCLT$ ada")), string(question))
	_, _, err = p.AskRecord("not sent")
	require.NoError(t, err)
	p.Unask()
	_, second, err := p.AskRecord("bob")
	require.NoError(t, err)
	for _, answer := range []string{"ada", "bob", "nobody has asked"} {
		do := p.Route([]byte(`{"ip": ["127.0.0.1", 5], "name": "` + answer + `", "group": null}`)).Do
		require.Equal(t, answer == "nobody has asked", do != Nothing)
	}
	for name, ch := range map[string]<-chan []byte{"ada": first, "bob": second} {
		who, ok, err := ParseRecord(<-ch)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, name, who.Name)
	}
	for range maxRecords {
		_, _, err := p.AskRecord("carol")
		require.NoError(t, err)
	}
	_, _, err = p.AskRecord("carol")
	require.Equal(t, wire.CodeTooManyCalls, codeOf(err))
}
