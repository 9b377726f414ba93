package lock

// The places of the order.
type (
	Ahead         struct{ place }
	Announcement  struct{ place }
	Beside        struct{ place }
	Book          struct{ place }
	Calls         struct{ place }
	Client        struct{ place }
	Decision      struct{ place }
	Events        struct{ place }
	Fair          struct{ place }
	FileNames     struct{ place }
	FileTarget    struct{ place }
	Gate          struct{ place }
	Gathering     struct{ place }
	GroupTurn     struct{ place }
	Groups        struct{ place }
	HeldBack      struct{ place }
	Index         struct{ place }
	Latch         struct{ place }
	LegacyAnswers struct{ place }
	LegacyAsking  struct{ place }
	LegacyHold    struct{ place }
	LegacyPeer    struct{ place }
	LegacyRecords struct{ place }
	Marks         struct{ place }
	Member        struct{ place }
	Notices       struct{ place }
	Outbox        struct{ place }
	Pace          struct{ place }
	Receivers     struct{ place }
	Relinking     struct{ place }
	Robin         struct{ place }
	Roster        struct{ place }
	Server        struct{ place }
	Serving       struct{ place }
	Session       struct{ place }
	Set           struct{ place }
	Standstill    struct{ place }
	Store         struct{ place }
	StreamOpening struct{ place }
	StreamLedger  struct{ place }
	Streams       struct{ place }
	Sweeper       struct{ place }
	ThinLog       struct{ place }
	ThinSource    struct{ place }
	Transition    struct{ place }
	Turn          struct{ place }
	Values        struct{ place }
	Wish          struct{ place }
	Writers       struct{ place }
)
