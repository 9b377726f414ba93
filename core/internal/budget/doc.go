// Package budget bounds the memory that many holders have together: the queues, inboxes and
// buffers of all connections of a server.
//
// Each holder has a [Meter], which says exactly what the holder has and counts that for the
// [Budget] in steps, so that most changes touch nothing that is shared. What several
// holders share is counted for each of them, until somebody has weighed it.
package budget
