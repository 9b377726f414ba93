//go:build !js

package core

import (
	"github.com/hisock/hisock/core/internal/classic"
)

// A manner is what the releases of one dialect do otherwise than others, as far as it shows here.
type manner struct {
	markers bool // markers tell commands from the rest, and a newcomer hears of its own coming
	typed   bool // what a command carries says what kind of value it is
	raw     bool // there are raw messages
	whole   bool // a frame is read in full, however it comes
	alive   bool // a client answers when it is asked for a sign of life
	leaves  bool // a client says that it leaves, so that the end of the stream alone is none of its own
	notice  int  // which form of notices, from 1 on; see classicPeer.notice
}

var manners = [...]manner{
	Dialect002:     {raw: true, notice: 1},
	Dialect1x:      {raw: true, notice: 1},
	Dialect2x:      {markers: true, alive: true, leaves: true, notice: 2},
	Dialect30a:     {markers: true, typed: true, whole: true, alive: true, leaves: true, notice: 3},
	DialectUnknown: {markers: true, alive: true, leaves: true, notice: 1}, // the one form that all understand
}

// maxNoticeForm is the last form of notices, of which 0 is the native one.
const maxNoticeForm = 3

func (p *classicPeer) dialect() Dialect { return Dialect(p.said.Load()) }

// speaks notes which dialect the peer speaks.
func (p *classicPeer) speaks(d Dialect) { p.said.Store(uint32(d)) }

func (p *classicPeer) manner() *manner { return &manners[p.dialect()] }

// noticeForm says which peers share what they are sent of others.
func (p *classicPeer) noticeForm() int { return p.manner().notice }

// settle finds out by the payload of a command which of the two dialects with markers a client
// speaks, and then sends what has been held back for that. Only the first command says so. Whoever
// reads calls it.
func (p *classicPeer) settle(c *Conn, payload []byte) {
	if p.settled {
		return
	}
	plain, sure := classic.IsPlain(payload)
	if !sure {
		return
	}
	p.settled = true
	if plain {
		p.speaks(Dialect2x)
	} else {
		p.speaks(Dialect30a)
	}
	c.sendHeld()
}

// kindOf says what a payload of a peer with markers is.
func (p *classicPeer) kindOf(payload []byte, fromClient bool) (classic.Kind, []byte) {
	if p.dialect() == Dialect2x {
		return classic.PlainKind(payload, fromClient)
	}
	return classic.KindOf(payload, fromClient)
}

// is1x notes that a client does what only those of 1.x do.
func (p *classicPeer) is1x() {
	if p.dialect() == Dialect002 {
		p.speaks(Dialect1x)
	}
}
