// Package lock holds the one order in which the locks of core and of the packages below it are taken.
//
// Each of these locks is a [Mutex] or an [RWMutex] with a place in the list below. A goroutine that
// holds locks waits only for a lock whose place stands further down than the places of all locks that it
// holds. So no two locks of one place are held at once, and goroutines never wait for each other in a circle.
//
// A goroutine that runs a handler, a hook or an authorizer of the program holds none of these locks.
//
// With the build tag lockorder each Lock checks the order, and [MustHoldNone] checks that no lock is held. Both panic if
// a rule is broken. Without the tag a Mutex is a [sync.Mutex] and costs no more. "make unit" runs the tests with
// the tag.
package lock

// order is the order of locking. The comment at a lock's field says what it guards.
var order = []Place{
	// Held over a whole change of a client, or over the sending of a message to a group.
	GroupTurn{},    // history: the next message of a group that is kept
	Announcement{}, // core: changes of one client's name and groups
	LegacyAsking{}, // core: a client's requests for records go out in order
	LegacyAnswers{},
	Relinking{}, // core: one newcomer at a time resumes a connection of a server

	// Of a server, a client, and their members.
	Client{},
	Wish{},       // core: the name and groups that a client asks for as it joins
	Transition{}, // core: a session changes its state, and the outbox and the gate follow
	Server{},
	Sweeper{},
	Roster{},
	Member{},
	Index{}, // roster: sets by name, user, group and address
	Set{},
	Groups{},
	SharedGroups{}, // core: the groups that a server follows in a store of history
	Store{},        // history: what all groups keep
	Marks{},
	Book{},
	StreamLedger{}, // stream: counts of the streams of all connections

	// Of one connection.
	Transit{},       // core: a session that is on its way from or to another node
	StreamOpening{}, // core: a stream gets its id, and its frame is queued
	LineOpening{},   // core: a stream to a client of another node gets its id, and its frame is queued
	NodeLine{},      // core: the streams of a line to another node
	Session{},
	Turn{},
	Calls{},
	Serving{},
	Receivers{},
	Standstill{},
	Beside{},
	Events{},
	Notices{},
	Streams{},
	Values{},
	LegacyPeer{},
	LegacyHold{},
	LegacyRecords{},
	HeldBack{}, // legacy: one box
	Ahead{},
	Outbox{},
	Writers{},

	// Of a node of a cluster.
	Cluster{},
	RelayClaims{},    // relay: the claims of the node
	RelayMoved{},     // relay: sessions that have moved
	Presence{},       // core: a node says who has come, gone or changed, or who they all are
	RelayOthers{},    // relay: the clients of other nodes
	RelayNodes{},     // relay: the other nodes
	RelayQuestions{}, // relay: questions under way
	RelayLines{},     // relay: lines, which carry streams
	RelayParts{},     // relay: messages of which parts have come
	RelayQueue{},     // relay: what waits to be published
	Backlog{},        // history: what waits to be appended to a store of history
	ReadQueue{},      // core: groups that are to be read from a store of history

	// Shared by many connections, each held for a moment.
	Gathering{}, // core: the first answer of several connections
	Decision{},
	Gate{},
	Fair{},
	Pace{},
	Robin{},
	ThinSource{},
	ThinLog{},
	Latch{},

	// Of package files.
	FileTarget{}, // files: where one file is received
	FileNames{},  // files: who receives which file of a folder
}

// A Place is a place in the order.
type Place interface{ isPlace() }

type place struct{}

func (place) isPlace() {}
