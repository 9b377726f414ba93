package budget

// A page has one connection, and the bounds of its queues are enough. A browser build counts nothing.

// A Budget has no limit.
type Budget struct{}

// A Look has no counts.
type Look struct{}

// DefaultLimit returns no limit.
func DefaultLimit() int { return -1 }

// New returns nil, for no limit.
func New(int) *Budget { return nil }

func (*Budget) Limit() int            { return 0 }
func (*Budget) Held() int             { return 0 }
func (*Budget) IsOver() bool          { return false }
func (*Budget) Look() Look            { return Look{} }
func (*Budget) Over() <-chan struct{} { return nil }
func (*Budget) Weighed(Look, int) int { return 0 }
func (*Budget) Add(int)               {}
func (*Budget) Sub(int)               {}

// A Meter counts nothing.
type Meter struct{}

func (*Meter) Held() int             { return 0 }
func (*Meter) Add(*Budget, int) bool { return false }
func (*Meter) Sub(*Budget, int)      {}
func (*Meter) Set(*Budget, int) bool { return false }
func (*Meter) Room() int             { return 0 }
