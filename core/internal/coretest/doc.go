// Package coretest holds what the tests of core and the tests below core/e2e share: a peer that speaks the
// protocol by hand, a log that can be looked through, and bounded waits. It knows frames and streams and
// nothing of package core, so that tests inside core can use it too.
//
//	p := coretest.NewPeer(t, stream)                  // any transport.Conn, either end
//	p.Send(coretest.Hello(wire.Hello{Name: "ada"}))   // any bytes
//	p.WantKind(wire.KindWelcome)                      // reads up to that frame
//	p.WantGoodbye(wire.CodeProtocol, "frame length")  // the last frame, and the end of the stream
//
//	log := &coretest.Log{}                            // for a Logger option
//	log.RequireLogged(t, "warn", "frame length")
//	log.RequireClean(t)                               // nothing in it can harm a terminal or forge a line
//
//	v := coretest.Next(t, events)                     // fails with all stacks if nothing comes
//
// Every package of tests checks in its TestMain that no goroutine is left, by
// [github.com/hisock/hisock/transport/transporttest.Main]; a test checks for itself by Goroutines there.
package coretest
