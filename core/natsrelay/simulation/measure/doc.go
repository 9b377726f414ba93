// Package measure finds out what a node of a cluster and a nats-server pay for each thing that they do, and how well package model foretells a
// small real cluster.
//
// Each part of a scene is a process of its own: nats-servers, nodes, and what loads them. So the processor time of a process, which the system counts,
// is the cost of that part alone. A scene speaks to its processes by net/rpc over their standard input and output.
package measure
