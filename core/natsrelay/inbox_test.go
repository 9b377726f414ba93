package natsrelay

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A diary is a handler that writes down what it is told.
type diary struct {
	lines []string
	block chan struct{} // Message waits for it; nil if it does not wait
}

func (d *diary) Message(topic string, payload []byte) {
	d.lines = append(d.lines, topic+" "+string(payload[:min(len(payload), 3)]))
	if d.block != nil {
		<-d.block
	}
}
func (d *diary) Up()            { d.lines = append(d.lines, "up") }
func (d *diary) Down(error)     { d.lines = append(d.lines, "down") }
func (d *diary) Lost(n int)     { d.lines = append(d.lines, "lost "+string(rune('0'+n))) }
func (d *diary) ClaimsLost()    { d.lines = append(d.lines, "claims lost") }
func (d *diary) told() []string { return d.lines }

func TestInboxTellsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		in := newInbox(d, 1<<20)
		in.tell(event{kind: wentUp})
		in.message("t", []byte("one"))
		in.tell(event{kind: wentDown, why: errors.New("gone")})
		in.tell(event{kind: lostClaims})
		in.message("u", nil)
		synctest.Wait()
		require.Equal(t, []string{"up", "t one", "down", "claims lost", "u "}, d.told())
		in.close()
		<-in.ended
	})
}

func TestInboxDropsWhatDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{block: make(chan struct{})}
		in := newInbox(d, 3*(1000+messageCost))
		for _, p := range []string{"a", "b", "c", "d", "e"} { // the first one is with the handler, and counts
			in.message("t", append([]byte(p), make([]byte, 999)...))
			synctest.Wait()
		}
		in.tell(event{kind: wentDown})
		in.message("t", append([]byte("f"), make([]byte, 999)...))
		close(d.block)
		synctest.Wait()
		require.Equal(t, []string{"t a\x00\x00", "t b\x00\x00", "t c\x00\x00", "lost 2", "down", "lost 1"}, d.told())
		in.message("t", append([]byte("g"), make([]byte, 999)...))
		synctest.Wait()
		require.Equal(t, "t g\x00\x00", d.told()[6])
		require.Zero(t, in.held)
		in.close()
		<-in.ended
	})
}

func TestInboxIsSilentOnceClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{block: make(chan struct{})}
		in := newInbox(d, 1<<20)
		in.message("t", []byte("one"))
		in.message("t", []byte("two"))
		synctest.Wait()
		in.close()
		in.message("t", []byte("three"))
		close(d.block)
		<-in.ended
		require.Equal(t, []string{"t one"}, d.told())
	})
}
