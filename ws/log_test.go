//go:build !js

package ws

import (
	"io"
	"log"
)

// quietLog discards the log of an HTTP server whose clients misbehave on purpose.
var quietLog = log.New(io.Discard, "", 0)
