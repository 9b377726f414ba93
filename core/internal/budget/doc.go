// Package budget bounds the memory that many holders have together: the queues, inboxes and
// buffers of all connections of a server.
//
// Each holder has a [Meter]. The meter has the exact number of the holder's bytes, and counts them for the [Budget] in
// steps, so that most changes touch no shared memory. Bytes that several holders share are counted for each holder,
// until a caller of [Budget.Weighed] has found the real number.
package budget
