// Package e2e tests clusters that are made of processes: three nats-servers, nodes, and a balancer before the nodes. The clients are in the process of the test. Each
// process is the program of the test, started once more with a part to play.
//
// A process ends when its test ends, when the process that has started it ends, and after a quarter of an hour in any case.
//
//	Main         plays the part of such a process, or runs the tests
//	Brokers      a cluster of nats-servers
//	Node         a server of hisock, which says what it knows and does what it is told
//	Balancer     a proxy that gives connections to one node after the other
//	Path         a proxy that can stop passing bytes without a word to either end
//	Witness      a client that notes which messages have come, when, and which have not
//	Cluster      all of these
package e2e
