// Package harness has what the tests below core/e2e share: the media, and a scene of a server and
// clients on them. A test is a script over the public API.
//
//	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) { // or Each, for all media
//		s := harness.NewScene(t, n, &core.ServerOptions{…})  // with a client that must not notice anything
//		p := s.Hello("mallory")                              // a coretest.Peer that has been let in
//		p.Send([]byte{0})
//		p.WantGoodbye(core.CodeProtocol, "frame length 0")
//		s.WantFault(core.CodeProtocol, "frame length 0")     // the error hook was told
//		s.WantLeft("mallory", core.CodeProtocol)
//		s.Check()                                            // the good client is served
//		s.WantQuiet()                                        // nothing else happened
//	})
//
// When the test ends, the scene shuts its server down and checks its log. [NewSceneOn] serves several
// media at once. [Network.Accept] is the other way round: a server by hand, for a client whose [Witness]
// records everything that the client notices. [NewServer] and [NewClient] are for tests without a scene.
//
// The tests are in folders by subject: media (the same over every medium), hostile (peers and programs
// that misbehave), python (the original's clients and servers), streams, soak (many connections, long
// runs, killed processes).
package harness
