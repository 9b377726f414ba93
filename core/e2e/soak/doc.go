// Package soak has tests of many connections and of long runs, of processes that are killed and of peers that stop
// reading. Each has a short form; HISOCK_SOAK=1 asks for the long one.
package soak
