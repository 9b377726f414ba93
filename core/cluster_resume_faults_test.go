//go:build !js

package core_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/relaytest"
	"github.com/hisock/hisock/core/wire"
)

// comings counts the clients that join and resume.
type comings struct{ joined, resumed, moved, left atomic.Int64 }

func (y *comings) prepare(_ int, srv *core.Server) {
	srv.OnJoin(func(*core.Conn) { y.joined.Add(1) })
	srv.OnResume(func(*core.Conn) { y.resumed.Add(1) })
	srv.OnLeave(func(_ *core.Conn, why error) {
		if core.IsMoved(why) {
			y.moved.Add(1)
		} else {
			y.left.Add(1)
		}
	})
	srv.OnBytes("say", func(_ context.Context, c *core.Conn, p []byte) error { return c.SendBytes("said", p) })
}

// subjectOf returns the subject of a message between nodes, if it is a question, and whether it is an answer with a session in it.
func subjectOf(payload []byte) (s relay.Subject, parcel bool) {
	head, body, fault := relay.ParseHead(payload)
	if fault != relay.None {
		return 0, false
	}
	switch head.Kind {
	case relay.KindQuestion:
		q, _ := relay.ParseQuestion(body)
		return q.Subject, false
	case relay.KindAnswer:
		a, _ := relay.ParseAnswer(body)
		p, fault := relay.ParseParcel(a.Rest)
		return 0, a.Code == 0 && fault == relay.None && !p.Again && p.Total > 64 && uint64(len(p.Part)) == p.Total
	}
	return 0, false
}

// Two nodes are asked for one session at the same time. One of them gets it.
func TestTwoNodesAskForOneSession(t *testing.T) {
	for _, delay := range []time.Duration{0, 2 * time.Millisecond} {
		var y comings
		inCluster(t, clusterSetting{nodes: 3, relay: relaytest.MemoryOptions{Delay: delay}, prepare: y.prepare}, func(t *testing.T, s *clusterScene) {
			c := s.clientOver(s.nodes[0].lis, core.Retry{}, "ada", "", "g")
			require.NoError(t, c.Connect(context.Background()))
			s.pass(time.Second)
			saved, err := c.Detach()
			require.NoError(t, err)
			both := make([]*core.Client, 2)
			for i := range both {
				both[i], err = core.NewClient(s.nodes[1+i].lis, &core.ClientOptions{Session: saved, Logger: core.Silent})
				require.NoError(t, err)
				go both[i].Connect(context.Background()) //nolint:errcheck // looked at below
				defer both[i].Close()                    //nolint:errcheck // nothing to be done about it
			}
			s.pass(time.Minute)
			require.LessOrEqual(t, y.resumed.Load(), int64(1))
			require.EqualValues(t, 1, y.moved.Load())
			require.Equal(t, 1, s.nodes[0].srv.Len()+s.nodes[1].srv.Len()+s.nodes[2].srv.Len()-int(y.joined.Load()-1))
		})
	}
}

// What is lost on the way of a session is asked for again. If nothing comes the session is over, and is used nowhere.
func TestSessionIsLostOnTheWay(t *testing.T) {
	tests := map[string]struct {
		lose    func(n int, payload []byte) bool // the n-th message
		resumes bool
		either  bool // the session may also go on, since nobody has taken it
	}{
		"the first answer": {func(n int, p []byte) bool { _, parcel := subjectOf(p); return parcel && n == 0 }, true, false},
		"all answers":      {func(_ int, p []byte) bool { _, parcel := subjectOf(p); return parcel }, false, false},
		"the first take":   {func(n int, p []byte) bool { s, _ := subjectOf(p); return s == relay.Take && n == 0 }, true, false},
		"all takes":        {func(_ int, p []byte) bool { s, _ := subjectOf(p); return s == relay.Take }, false, true},
		"the thanks":       {func(_ int, p []byte) bool { s, _ := subjectOf(p); return s == relay.Further }, true, false},
		"all fences":       {func(_ int, p []byte) bool { s, _ := subjectOf(p); return s == relay.Fence }, true, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var y comings
			inCluster(t, clusterSetting{nodes: 3, prepare: y.prepare}, func(t *testing.T, s *clusterScene) {
				c, r := s.roam(s.nodes[0], "ada", "", "g")
				lost := 0
				s.broker.Drop(func(_ string, payload []byte) bool {
					lose := tc.lose(lost, payload)
					if lose {
						lost++
					}
					return lose
				})
				r.goTo(s.nodes[1])
				s.pass(20 * time.Second)
				s.broker.Drop(nil)
				s.pass(2 * time.Minute)
				require.NotZero(t, lost)
				resumed := c.Stats().Resumed == 1
				require.True(t, resumed == tc.resumes || tc.either)
				require.Equal(t, 1, s.nodes[1].srv.Len(), "the client is there in any case")
				require.Zero(t, s.nodes[0].srv.Len())
				require.Equal(t, resumed, y.joined.Load() == 1)
				require.NoError(t, c.SendBytes("say", []byte("x")))
				s.pass(time.Second)
				require.Equal(t, []string{"said x"}, c.take())
			})
		})
	}
}

// The node that has the session dies: the client joins anew soon. The node that asks for it dies: the client learns that the session is over.
func TestNodesDieOnTheWay(t *testing.T) {
	for name, dying := range map[string]int{"keeper": 0, "taker": 1} {
		t.Run(name, func(t *testing.T) {
			var y comings
			inCluster(t, clusterSetting{nodes: 3, prepare: y.prepare}, func(t *testing.T, s *clusterScene) {
				c, r := s.roam(s.nodes[0], "ada", "", "g")
				took := new(atomic.Bool)
				s.broker.Drop(func(_ string, payload []byte) bool {
					_, parcel := subjectOf(payload)
					if parcel {
						took.Store(true)
					}
					return parcel
				})
				r.goTo(s.nodes[1])
				for !took.Load() {
					s.pass(time.Millisecond)
				}
				s.nodes[dying].way.Kill()
				s.broker.Drop(nil)
				if dying == 1 {
					r.goTo(s.nodes[2])
				}
				s.pass(15 * time.Second)
				require.EqualValues(t, 2, y.joined.Load())
				require.Zero(t, c.Stats().Resumed)
				require.NoError(t, c.SendBytes("say", []byte("x")))
				s.pass(time.Second)
				require.Equal(t, []string{"said x"}, c.take())
			})
		})
	}
}

// A client that is at one node and then at the other, before the session has come, has it at one of them.
func TestClientGoesBackMeanwhile(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 11 * time.Millisecond, 21 * time.Millisecond, 31 * time.Millisecond, 55 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			var heard, got tally
			inCluster(t, clusterSetting{nodes: 2, relay: relaytest.MemoryOptions{Delay: 10 * time.Millisecond}, prepare: func(_ int, srv *core.Server) {
				srv.OnBytes("tell", func(_ context.Context, _ *core.Conn, p []byte) error { heard.note(p); return nil })
			}}, func(t *testing.T, s *clusterScene) {
				r := &roamer{}
				r.at.Store(s.nodes[0])
				c := s.clientOver(r, core.Retry{Min: time.Millisecond}, "ada", "", "g")
				c.OnBytes("n", func(_ context.Context, _ *core.Conn, p []byte) error { got.note(p); return nil })
				require.NoError(t, c.Connect(context.Background()))
				s.pass(time.Second)
				l := newLoad()
				l.run("c", 3*time.Millisecond, func(p []byte) error { return c.SendBytes("tell", p) })
				for i, n := range s.nodes {
					l.run("@"+strconv.Itoa(i), 3*time.Millisecond, func(p []byte) error { return n.srv.Group("g").SendBytes("n", p) })
				}
				for range 5 {
					before := r.last.Load()
					r.goTo(s.nodes[1])
					for r.last.Load() == before {
						s.pass(time.Millisecond)
					}
					s.pass(after)
					r.goTo(s.nodes[0])
					s.pass(6 * time.Second)
				}
				sent := l.end()
				s.pass(time.Minute)
				heard.saw(t, "c", sent["c"])
				got.saw(t, "@0", sent["@0"])
				got.saw(t, "@1", sent["@1"])
				require.Equal(t, 1, s.nodes[0].srv.Len())
				require.Zero(t, s.nodes[1].srv.Len())
			})
		})
	}
}

// A session that is larger than what the relay takes goes in parts, and one whose time is over does not go.
func TestLargeSessionMoves(t *testing.T) {
	inCluster(t, clusterSetting{
		nodes: 2, relay: relaytest.MemoryOptions{MaxPayload: core.MinRelayPart},
		options: func(_ int, o *core.ServerOptions) { o.Limits.QueueBytes = 1 << 20 },
	}, func(t *testing.T, s *clusterScene) {
		c, r := s.roam(s.nodes[0], "ada", "", "g")
		r.broken.Store(true)
		conn, err := s.nodes[0].srv.Client("ada")
		require.NoError(t, err)
		r.goTo(s.nodes[1])
		for i := range 100 {
			require.NoError(t, conn.SendBytes("n", bytes.Repeat([]byte{byte('a' + i%26)}, 4<<10)))
		}
		r.broken.Store(false)
		s.pass(20 * time.Second)
		require.EqualValues(t, 1, c.Stats().Resumed)
		got := c.take()
		require.Len(t, got, 100)
		for i, text := range got {
			require.Equal(t, "n "+string(bytes.Repeat([]byte{byte('a' + i%26)}, 4<<10)), text)
		}

		r.broken.Store(true)
		r.goTo(s.nodes[0])
		s.pass(10 * time.Minute)
		r.broken.Store(false)
		s.pass(10 * time.Minute)
		require.EqualValues(t, 1, c.Stats().Resumed)
		require.Equal(t, 1, s.nodes[0].srv.Len(), "it has joined anew")
	})
}

// Questions that no node asks move no session, and are answered or refused.
func TestHostileQuestionsAboutSessions(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2}, func(t *testing.T, s *clusterScene) {
		c := s.clientOver(s.nodes[0].lis, core.Retry{}, "ada", "", "g")
		require.NoError(t, c.Connect(context.Background()))
		s.pass(time.Second)
		self := s.nodes[1].srv.Cluster().Nodes()[0].Number
		topic := relay.TopicOfNode(self)
		number := uint64(0)
		ask := func(subject relay.Subject, rest []byte) {
			number++
			q := relay.Question{ID: number, Subject: subject, Within: 1000, Rest: rest}
			m := q.Append(relay.NewMessage(relay.KindQuestion, 666, q.Size()))
			m[14+7], m[14+6] = byte(number), byte(number>>8)
			s.broker.Inject(topic, m)
		}
		for _, subject := range []relay.Subject{relay.Seek, relay.Take, relay.Further, relay.Adopt} {
			for conn := range uint64(3) {
				for _, offset := range []uint64{0, 1, relay.GotAll} {
					t := relay.Ticket{Node: self, Conn: conn, Proof: relay.ProofOf([]byte("guessed")), Received: 1 << 60, Offset: offset}
					rest := t.Append(nil)
					ask(subject, rest)
					ask(subject, rest[:len(rest)-1])
					ask(subject, append(rest, 0))
				}
			}
			ask(subject, nil)
			ask(subject, bytes.Repeat([]byte{0xff}, 10_000))
		}
		s.pass(10 * time.Second)
		require.EqualValues(t, 1, s.nodes[0].srv.Len())
		require.Zero(t, c.Stats().Resumed)
		require.NotZero(t, s.nodes[0].srv.Stats().Relay.Refused)
		require.NoError(t, s.nodes[0].srv.Group("g").SendBytes("n", nil))
		s.pass(time.Second)
		require.Equal(t, []string{"n "}, c.take())
	})
}

// Clients that make sessions up cost a bounded number of questions.
func TestMadeUpSessions(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3}, func(t *testing.T, s *clusterScene) {
		asked := new(atomic.Int64)
		s.broker.Drop(func(_ string, payload []byte) bool {
			if subject, _ := subjectOf(payload); subject == relay.Seek {
				asked.Add(1)
			}
			return false
		})
		const many = 3000
		for i := range many {
			stream, err := s.nodes[0].lis.Dial(context.Background())
			require.NoError(t, err)
			go func() {
				defer stream.Close() //nolint:errcheck // it is over
				h := wire.Hello{Session: session.MakeID(uint64(i)+1, 1), Token: fmt.Append(nil, "made up ", i), Resume: true}
				stream.Write(wire.AppendHello([]byte(wire.Preface), &h)) //nolint:errcheck // then it is refused
				buf := make([]byte, 512)
				stream.Read(buf) //nolint:errcheck // the refusal or the welcome
			}()
		}
		s.pass(time.Second)
		require.Less(t, asked.Load(), int64(1200))
		s.pass(time.Minute)
	})
}
