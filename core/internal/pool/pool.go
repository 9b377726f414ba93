//go:build !js

// Package pool keeps values that were used before.
package pool

import "sync"

// A Pool keeps values that were used before. Its zero value is empty.
type Pool = sync.Pool
