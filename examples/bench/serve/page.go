package serve

import (
	"strings"
	"sync/atomic"
)

// Servers whose names begin with "page/" are for pages. They answer echoes with the text, send as many texts as they are asked for, take
// texts, and tell how many they have taken since they told it last. A server has one page at a time.

// pageText is the text that pages are sent.
var pageText = strings.Repeat("hisock benchmark", 8)

// taken counts the texts that pages have sent.
type taken struct{ n atomic.Int64 }

func (t *taken) add() { t.n.Add(1) }

// tell returns the count and begins anew.
func (t *taken) tell() int64 { return t.n.Swap(0) }
