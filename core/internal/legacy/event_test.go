package legacy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A peer is found to speak a dialect, and its frames ask for events.
func TestRoute(t *testing.T) {
	type step struct {
		payload string
		do      Do
		speaks  Dialect
	}
	tests := map[string]struct {
		p     *Peer
		steps []step
	}{
		"a client of 0.0.2": {client(V002), []step{
			{"say hello", Either, V002}, {"word", Either, V002}, {"", Either, V002}, {"$TLSCHECK$", Either, V002},
		}},
		"a client of 1.x": {client(V002), []step{
			{"say hello", Either, V002}, {"$CHNAME$ ada", Turn, V1x}, {"$GETCLT$ bob", Turn, V1x}, {"$USRCLOSE$", Left, V1x},
		}},
		"a client of 3.0a": {client(V30a), []step{
			{"$CMD$say$MSG$2       5shello", Turn, V30a}, {"$KEEPACK$", Nothing, V30a}, {"$CHGROUP$red", Turn, V30a}, {"$USRCLOSE$", Left, V30a},
		}},
		"a client of 2.x": {client(V2x), []step{{"$CMD$say$MSG$hello", Turn, V2x}, {"loose", Raw, V2x}, {"$USRCLOSE$", Left, V2x}}},
		"a server of 0.0.2": {server(V002), []step{
			{"say hello", Either, V002}, {`$CLTCONN$ {"ip": ["127.0.0.1", 5], "name": null, "group": null}`, Turn, V002},
			{"$CMD$say$MSG$hello", Foreign, V002},
		}},
		"a server of 1.x": {server(V002), []step{{"$DISCONN$", Dismissed, V1x}}},
		"a server of 3.0a": {server(V30a), []step{
			{"$CMD$say$MSG$2       2shi", Turn, V30a}, {"$KEEPALIVE$", Nothing, V30a}, {"$DISCONN$", Dismissed, V30a},
		}},
		"a server of 2.x": {server(V2x), []step{{"loose", Raw, V2x}, {"$DISCONN$", Dismissed, V2x}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for _, s := range tc.steps {
				e := tc.p.Route([]byte(s.payload))
				require.Equal(t, s.do, e.Do, s.payload)
				require.Equal(t, s.speaks, tc.p.Dialect(), s.payload)
				require.Equal(t, s.payload == "$KEEPALIVE$" || s.speaks == V1x && s.do == Dismissed, e.Say != nil, s.payload)
			}
		})
	}
}

// FuzzRoute routes and reads any bytes from a peer.
func FuzzRoute(f *testing.F) {
	for _, seed := range []string{
		"say hello", "$CHNAME$ ada", "$GETCLT$bob", "$USRCLOSE$", "$DISCONN$", "$KEEPALIVE$", "$TLSCHECK$", "loose", "", "$CMD$say$MSG$hello", "$CMD$say$MSG$2       5shello",
		`$CLTCONN$ {"ip": ["127.0.0.1", 5], "name": null, "group": null}`, `{"ip": ["127.0.0.1", 5], "name": "ada", "group": null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, d := range all {
			for _, p := range []*Peer{client(d), server(d)} {
				p.settled = p.isServer
				e := p.Route(payload)
				if e.Do == Foreign {
					require.NotZero(t, e.Speaks)
					continue
				}
				m := p.Parse(payload)
				if m.Is == FaultyMessage {
					require.Error(t, m.Why)
				}
				if content, _, err := p.Content(m.Body, 1<<10); err == nil && p.Dialect() == V30a {
					require.LessOrEqual(t, len(content), max(1<<10, len(payload)))
				}
				p.Sent(frames(string(payload)))
			}
		}
	})
}
