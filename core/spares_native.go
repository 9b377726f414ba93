//go:build !js

package core

import "sync"

// spares keeps values that were used before.
type spares = sync.Pool
