//go:build !js

package ws

import (
	"io"
	"log"
)

// quietLog takes what an HTTP server says of clients that misbehave on purpose.
var quietLog = log.New(io.Discard, "", 0)
