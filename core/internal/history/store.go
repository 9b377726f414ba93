package history

import (
	"container/list"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// Cost is how much a message counts beside its frame, in bytes, so that many small messages are bounded too.
const Cost = 64

// Rules say what a store keeps.
type Rules struct {
	Messages int  // kept messages of one group
	Bytes    int  // bytes of the kept messages of one group, with [Cost] for each
	Groups   int  // groups that keep messages
	Replay   bool // members are given the kept messages, and so know the epoch of their group
}

// A Store keeps, at a server, the last messages to groups. All methods are safe for concurrent use.
//
// Invariant: no two histories of a group have numbers of the same epoch. The epoch and the numbers of a
// group stay as long as messages are kept, or a member knows them, or somebody has begun the group.
type Store struct {
	rules Rules

	mu     lock.Mutex[lock.Store] // guards the fields below; taken after a Group's turn
	groups map[string]*Group      // the groups that are needed: see tidyLocked
	epoch  uint64                 // the epoch of the next new group; never 0
	serial uint64                 // of the newest kept message of all groups
	recent list.List              // of *Group: the groups that keep messages, the one sent to last in front
	budget *budget.Budget
	mem    budget.Meter // counts the groups in recent
}

// A Group is what a store keeps of one group. Its messages have numbers from 1 on within its epoch, so that
// the oldest kept message has the number last - len(kept) + 1.
//
// A goroutine that sends to the group, joins, leaves or replays it must begin it with [Store.Begin] and end that
// with [Group.End]. No other goroutine has the group in between, so that everybody who is sent messages
// gets them in the order of their numbers. Only the goroutine that has begun the group may call its other methods.
type Group struct {
	store *Store
	name  string
	epoch uint64 // never 0

	// Guarded by Store.mu.
	users   int           // goroutines that have begun the group, or wait for it
	members int           // members of the group, which know its epoch if Rules.Replay is set
	lru     *list.Element // in Store.recent; nil if no message is kept
	held    int           // bytes that are counted in Store.mem

	turn lock.Mutex[lock.GroupTurn] // held from Begin to End; guards the fields below, which Store.mu guards while there are no users

	last  uint64    // number of the last message
	kept  []Message // the oldest first
	bytes int       // of kept, with Cost for each
	whole bool      // the group follows a log, and has all that it should keep of it: see tail.go
}

// A Message is a kept message.
type Message struct {
	Frame  []byte // a group command or group raw, shared with queues: nobody changes it
	serial uint64
}

// NewStore returns an empty store. Its first epoch follows from random, so that the epochs of two servers differ. The
// kept messages are counted in the budget, and take at most half of it.
func NewStore(rules Rules, of *budget.Budget, random uint64) *Store {
	s := &Store{rules: rules, groups: make(map[string]*Group), budget: of, epoch: random}
	s.nextEpochLocked()
	return s
}

func (s *Store) nextEpochLocked() {
	if s.epoch++; s.epoch == 0 {
		s.epoch = 1
	}
}

// Begin waits until nobody else has the group. Then the caller has it until [Group.End].
func (s *Store) Begin(group string) *Group {
	s.mu.Lock()
	g := s.groups[group]
	if g == nil {
		g = &Group{store: s, name: group, epoch: s.epoch}
		s.groups[group] = g
	}
	g.users++
	s.mu.Unlock()
	g.turn.Lock()
	return g
}

// End lets others have the group. sent says that a message was sent to it: the group that was sent to longest ago is
// forgotten first.
func (g *Group) End(sent bool) {
	s := g.store
	s.mu.Lock()
	defer s.mu.Unlock()
	defer g.turn.Unlock()
	s.countLocked(g, sent)
	g.users--
	s.tidyLocked(g)
}

func (s *Store) countLocked(g *Group, sent bool) {
	switch {
	case len(g.kept) == 0:
		s.dropLocked(g)
	case sent && g.lru != nil:
		s.recent.MoveToFront(g.lru)
	case sent:
		g.lru = s.recent.PushFront(g)
	}
	if g.lru != nil {
		s.mem.Add(s.budget, g.bytes-g.held)
		g.held = g.bytes
	}
	most := s.budget.Limit() / 2 // the other half is for connections
	for s.recent.Len() > s.rules.Groups || most > 0 && s.mem.Held() > most {
		old := s.recent.Back().Value.(*Group)
		s.dropLocked(old)
		s.tidyLocked(old)
	}
}

// dropLocked takes a group out of recent. tidyLocked then drops its messages, unless somebody has begun the group.
func (s *Store) dropLocked(g *Group) {
	if g.lru == nil {
		return
	}
	s.recent.Remove(g.lru)
	g.lru = nil
	s.mem.Sub(s.budget, g.held)
	g.held = 0
}

// tidyLocked lets go of a group that is not needed: nobody has begun it, it is not in recent, and no member
// knows its epoch.
func (s *Store) tidyLocked(g *Group) {
	if g.users > 0 || g.lru != nil {
		return
	}
	if len(g.kept) > 0 {
		g.kept, g.bytes, g.whole = nil, 0, false
	}
	if s.rules.Replay && g.members > 0 {
		return
	}
	delete(s.groups, g.name)
	if g.last > 0 {
		s.nextEpochLocked()
	}
}

// Keep keeps a command, or a raw message if raw is true, and drops the oldest messages beyond the bounds. It
// returns the frame for members, which nobody may change.
func (g *Group) Keep(command string, payload []byte, raw bool) []byte {
	g.last++
	var frame []byte
	if raw {
		frame = wire.AppendGroupRaw(make([]byte, 0, wire.GroupRawSize(g.name, g.last, len(payload))), g.name, g.last, payload)
	} else {
		n := wire.GroupCommandSize(g.name, g.last, command, len(payload))
		frame = wire.AppendGroupCommand(make([]byte, 0, n), g.name, g.last, command, payload)
	}
	g.add(frame)
	return frame
}

// add keeps the frame of the last message.
func (g *Group) add(frame []byte) {
	s := g.store
	s.mu.Lock()
	s.serial++
	serial := s.serial
	s.mu.Unlock()
	g.kept = append(g.kept, Message{frame, serial})
	g.bytes += len(frame) + Cost
	for len(g.kept) > s.rules.Messages || g.bytes > s.rules.Bytes {
		g.bytes -= len(g.kept[0].Frame) + Cost
		g.kept[0] = Message{}
		g.kept = g.kept[1:]
		if len(g.kept) == 0 {
			g.kept = nil
		}
	}
}

// Passed returns the frame for a member that the last message is not meant for.
func (g *Group) Passed() []byte { return wire.AppendGroupPassed(nil, g.name, g.last) }

// Forget drops the kept messages.
func (g *Group) Forget() { g.kept, g.bytes = nil, 0 }

// Newest returns the last n kept messages, or all if there are fewer, as far as they fit into room bytes, the
// oldest first. Nobody may change the result, which is valid until End.
func (g *Group) Newest(n, room int) []Message {
	first := len(g.kept)
	for first > max(0, len(g.kept)-n) && room >= len(g.kept[first-1].Frame) {
		first--
		room -= len(g.kept[first].Frame)
	}
	return g.kept[first:]
}

// Len returns the number of kept messages.
func (g *Group) Len() int { return len(g.kept) }

// Replay returns the frames before and after a replay of the last messages; messages is their number. The frame after is
// nil if there are none. again says that a member gets the messages even if it has had them.
func (g *Group) Replay(messages int, again bool) (before, after []byte) {
	r := wire.Replay{Group: g.name, Epoch: g.epoch, Last: g.last, Count: uint64(messages), Again: again}
	if messages > 0 {
		after = wire.AppendReplayEnd(nil, g.name)
	}
	return wire.AppendReplay(nil, &r), after
}

// Join counts one more member, and returns what Behind returns.
func (g *Group) Join(m *Marks, told wire.Position) int {
	g.count(1)
	return g.Behind(m, told)
}

// Behind returns how many of the last kept messages a member that joins has not had, as its marks or told, the position that
// the client has told, say.
func (g *Group) Behind(m *Marks, told wire.Position) int {
	left, said, floor := m.join(g.name)
	if told.Epoch == 0 {
		told = said
	}
	n := uint64(len(g.kept))
	if left.Epoch == g.epoch {
		n = min(n, g.last-left.Number)
	}
	if told.Epoch == g.epoch && told.Number <= g.last {
		n = min(n, g.last-told.Number)
	}
	for n > 0 && g.kept[uint64(len(g.kept))-n].serial <= floor {
		n--
	}
	return int(n)
}

// Leave marks how far a client that leaves has followed the group, and counts one member less if member is set.
func (g *Group) Leave(m *Marks, member bool) {
	if member {
		g.count(-1)
	}
	at := Mark{Group: g.name, Epoch: g.epoch, Number: g.last}
	if len(g.kept) > 0 { // else every message that will be kept is newer
		at.Serial = g.kept[len(g.kept)-1].serial
	}
	if g.last > 0 {
		m.Leave(at)
	}
}

func (g *Group) count(n int) {
	g.store.mu.Lock()
	g.members += n
	g.store.mu.Unlock()
}

// Gone counts one member less of a group. The caller need not have begun the group.
func (s *Store) Gone(group string) {
	s.mu.Lock()
	if g := s.groups[group]; g != nil {
		g.members--
		s.tidyLocked(g)
	}
	s.mu.Unlock()
}

// Held returns how many bytes of the budget the kept messages take.
func (s *Store) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mem.Held()
}

// Counts returns how many groups the store knows, and how many of them keep messages.
func (s *Store) Counts() (known, keeping int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.groups), s.recent.Len()
}
