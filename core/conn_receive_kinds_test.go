//go:build !js

package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A way is how an end handles a frame that it receives after the handshake.
type way int

const (
	refused      way = iota + 1 // it ends the connection with CodeProtocol: the other end must not send the frame
	atOnce                      // the reader handles it completely
	waitsForTurn                // it waits for the turn, in which runFrame or the owner runs it
	theEnd                      // it ends the connection in order
)

// kindRows has, for each kind, a frame of the kind and how each end handles it.
var kindRows = map[wire.Kind]struct {
	frame          []byte
	server, client way
}{
	wire.KindHello:   {wire.AppendHello(nil, &wire.Hello{Version: wire.Version}), refused, refused},
	wire.KindWelcome: {wire.AppendWelcome(nil, &wire.Welcome{Version: wire.Version}), refused, refused},
	wire.KindRefuse:  {wire.AppendRefuse(nil, wire.Goodbye{}), refused, refused},

	wire.KindCommand:      {wire.AppendCommand(nil, "say", []byte("hi")), waitsForTurn, waitsForTurn},
	wire.KindRaw:          {wire.AppendRaw(nil, []byte("hi")), waitsForTurn, waitsForTurn},
	wire.KindRequest:      {wire.AppendRequest(nil, 7, "ask", []byte("hi")), waitsForTurn, waitsForTurn},
	wire.KindReply:        {wire.AppendReply(nil, 7, []byte("hi")), atOnce, atOnce},
	wire.KindFailure:      {wire.AppendFailure(nil, 7, wire.Goodbye{Code: wire.CodeInternal}), atOnce, atOnce},
	wire.KindCancel:       {wire.AppendCancel(nil, 7), atOnce, atOnce},
	wire.KindStream:       {wire.AppendStream(nil, &wire.OpenStream{ID: 7, Name: []byte("watch")}), atOnce, atOnce},
	wire.KindStreamItem:   {wire.AppendStreamItem(nil, 7, []byte("hi")), atOnce, atOnce},
	wire.KindStreamPart:   {wire.AppendStreamPart(nil, 7, []byte("hi")), atOnce, atOnce},
	wire.KindStreamEnd:    {wire.AppendStreamEnd(nil, 7, wire.Goodbye{}), atOnce, atOnce},
	wire.KindStreamCredit: {wire.AppendStreamCredit(nil, 7, 100), atOnce, atOnce},
	wire.KindStandstill:   {wire.AppendStandstill(nil, &wire.Standstill{All: true}), atOnce, atOnce},

	wire.KindPing:    {wire.AppendPing(nil, 7), atOnce, atOnce},
	wire.KindPong:    {wire.AppendPong(nil, 7), atOnce, atOnce},
	wire.KindAck:     {wire.AppendAck(nil, 0), atOnce, atOnce},
	wire.KindMissed:  {wire.AppendMissed(nil, 7), atOnce, atOnce},
	wire.KindGoodbye: {wire.AppendGoodbye(nil, wire.Goodbye{Code: wire.CodeClosed}), theEnd, theEnd},

	wire.KindAskJoin:   {wire.AppendAskJoin(nil, 7, wire.Position{Group: "chat", Epoch: 1}), waitsForTurn, refused},
	wire.KindAskLeave:  {wire.AppendAsk(nil, wire.KindAskLeave, 7, "chat"), waitsForTurn, refused},
	wire.KindAskRename: {wire.AppendAsk(nil, wire.KindAskRename, 7, "eve"), waitsForTurn, refused},

	wire.KindJoinGroup:    {wire.AppendJoinGroup(nil, "chat"), refused, waitsForTurn},
	wire.KindLeaveGroup:   {wire.AppendLeaveGroup(nil, "joined before"), refused, waitsForTurn},
	wire.KindRename:       {wire.AppendRename(nil, "eve"), refused, waitsForTurn},
	wire.KindJoined:       {wire.AppendJoined(nil, &wire.Presence{Name: "eve"}), refused, waitsForTurn},
	wire.KindLeft:         {wire.AppendLeft(nil, &wire.Presence{Name: "eve"}), refused, waitsForTurn},
	wire.KindRenamed:      {wire.AppendRenamed(nil, "eve", "bob", ""), refused, waitsForTurn},
	wire.KindReplay:       {wire.AppendReplay(nil, &wire.Replay{Group: "chat", Epoch: 1}), refused, waitsForTurn},
	wire.KindReplayEnd:    {wire.AppendReplayEnd(nil, "chat"), refused, waitsForTurn},
	wire.KindGroupCommand: {wire.AppendGroupCommand(nil, "chat", 1, "say", []byte("hi")), refused, waitsForTurn},
	wire.KindGroupRaw:     {wire.AppendGroupRaw(nil, "chat", 1, []byte("hi")), refused, waitsForTurn},
	wire.KindGroupPassed:  {wire.AppendGroupPassed(nil, "chat", 1), refused, waitsForTurn},
}

// Each kind of frame is handled, by each end, as its row says: a kind that has a turn waits for the turn and is run in
// it, and a kind that only the other end may be sent ends the connection.
func TestEachKind(t *testing.T) {
	for b := range 256 {
		k := wire.Kind(b)
		row, ok := kindRows[k]
		require.Equal(t, k.Known(), ok, "a row for %v", k)
		if !ok {
			continue
		}
		t.Run(k.String()+" at a server", func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				release := holdTurn(w.srv)
				w.serve()
				p := w.hello(&wire.Hello{Name: "ada"})
				synctest.Wait()
				handles(w.t, k, row.server, row.frame, p, w.conn("ada"), release)
			})
		})
		t.Run(k.String()+" at a client", func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				cl := w.client("ada")
				release := holdTurn(cl)
				p := make(chan *coretest.Peer, 1)
				go func() {
					stream, err := w.lis.Accept()
					if err != nil {
						close(p)
						return
					}
					peer := &coretest.Peer{T: w.t, Stream: stream}
					peer.Answer(&wire.Welcome{Name: "ada", Notices: true}) //nolint:errcheck // then Connect fails
					p <- peer
				}()
				require.NoError(t, cl.Connect(w.ctx))
				peer := <-p
				peer.Send(wire.AppendJoinGroup(nil, "joined before"))
				synctest.Wait()
				c, err := cl.current()
				require.NoError(t, err)
				frame := row.frame
				if k == wire.KindStream {
					frame = wire.AppendStream(nil, &wire.OpenStream{ID: 8, Name: []byte("watch")}) // a server's ids are even
				}
				handles(w.t, k, row.client, frame, peer, c, release)
				require.NoError(t, cl.Close())
			})
		})
	}
}

// holdTurn registers handlers. The handler of "hold the turn" keeps the turn until the returned
// channel is closed.
func holdTurn(r Registrar) (release chan struct{}) {
	release = make(chan struct{})
	On(r, "hold the turn", func(context.Context, *Conn, []byte) error {
		<-release
		return nil
	})
	OnMessage(r, func(context.Context, *Conn, []byte) error { return nil })
	return release
}

// handles sends a frame while a handler keeps the turn of c, and returns how the frame is handled.
func handles(t *testing.T, k wire.Kind, want way, frame []byte, p *coretest.Peer, c *Conn, release chan struct{}) {
	go p.Drain() //nolint:errcheck // what it answers does not matter
	p.Send(wire.AppendCommand(nil, "hold the turn", nil))
	time.Sleep(2 * handlerTick)
	synctest.Wait()
	require.True(t, c.turn.Handed())
	require.Zero(t, c.turn.Bytes())
	p.Send(frame)
	synctest.Wait()
	waits := c.turn.Bytes() > 0
	close(release)
	time.Sleep(time.Second)
	synctest.Wait()
	switch err := c.Err(); want {
	case refused:
		require.Equal(t, CodeProtocol, CodeOf(err), "%v: %v", k, err)
		require.ErrorContains(t, err, k.String())
	case theEnd:
		require.Equal(t, CodeClosed, CodeOf(err), "%v: %v", k, err)
	default:
		require.NoError(t, err, "%v is handled", k)
		require.Equal(t, want == waitsForTurn, waits, "%v waits for the turn", k)
	}
	require.NoError(t, p.Stream.Close())
	synctest.Wait()
}
