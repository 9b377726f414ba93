// Package exampletest holds what the tests of the examples share: a program that runs inside a test, and
// the Go of a document, compiled as a program outside this module would be.
//
//	p := exampletest.Start(t, run, "server")        // run is what main calls
//	addr := p.Prints(`Serving at (.*)\.`)[0]        // waits for it
//	p.Stop()                                        // as Ctrl-C does
//	p.Ends(0)
//
//	bodies := exampletest.Go(t, "../../docs/deploy.md")
//	exampletest.Snippets{Given: "srv *core.Server", Packages: …}.Vet(t, bodies)
package exampletest
