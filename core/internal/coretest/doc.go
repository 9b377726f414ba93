// Package coretest has helpers for the tests of core and the tests below core/e2e: a peer that sends and reads frames
// by hand, a log that keeps its lines, and bounded waits. It knows frames and streams, but does not import package
// core, so that tests inside core can use it.
//
//	p := coretest.NewPeer(t, stream)                  // any transport.Conn, either end
//	p.Send(coretest.Hello(wire.Hello{Name: "ada"}))   // any bytes
//	p.WantKind(wire.KindWelcome)                      // reads up to that frame
//	p.WantGoodbye(wire.CodeProtocol, "frame length")  // the last frame, and the end of the stream
//
//	log := &coretest.Log{}                            // for a Logger option
//	log.RequireLogged(t, "warn", "frame length")
//	log.RequireClean(t)                               // no line can harm a terminal or forge another line
//
//	v := coretest.Next(t, events)                     // if nothing comes, fails and prints all stacks
//
// The TestMain of each package calls [github.com/hisock/hisock/transport/transporttest.Main], which checks that no
// goroutine remains. A single test can check the same with transporttest.Goroutines.
package coretest
