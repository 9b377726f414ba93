package serve

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

func TestPageHand(t *testing.T) {
	addr, err := startPageHand()
	require.NoError(t, err)
	tests := map[string]struct {
		path, write string
		want        []string
	}{
		"an echo":                {"/each", "echo 7 some text", []string{"answer 7 some text"}},
		"each by itself":         {"/each", "echo 1 a\x1etake 0 b\x1etaken 2 ", []string{"answer 1 a", "answer 2 1"}},
		"gathered":               {"/gathered", "echo 1 a\x1etake 0 b\x1etake 0 c\x1etaken 2 ", []string{"answer 1 a\x1eanswer 2 2"}},
		"texts":                  {"/each", "texts 0 2", []string{"text 0 " + pageText, "text 0 " + pageText}},
		"texts, gathered":        {"/gathered", "texts 0 2", []string{"text 0 " + pageText + "\x1etext 0 " + pageText}},
		"texts, more than a few": {"/gathered", "texts 0 125", []string{strings.Repeat("text 0 "+pageText+"\x1e", 121)[:121*136-1], strings.Repeat("text 0 "+pageText+"\x1e", 4)[:4*136-1]}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+tc.path, nil)
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(tc.write)))
			for _, want := range tc.want {
				_, got, err := c.ReadMessage()
				require.NoError(t, err)
				require.Equal(t, want, string(got))
			}
		})
	}
}
