// Package exampletest has helpers for the tests of the examples: it runs a program inside a test, makes a bundle that no browser
// loads, and compiles the Go snippets of a document as a module outside this module.
//
//	p := exampletest.Start(t, run, "server")        // run is what main calls
//	addr := p.Prints(`Serving at (.*)\.`)[0]        // waits until it is printed
//	p.Stop()                                        // as Ctrl-C does
//	p.Ends(0)
//
//	bodies := exampletest.Go(t, "../../docs/deploy.md")
//	exampletest.Snippets{Given: "srv *core.Server", Packages: …}.Vet(t, bodies)
package exampletest
