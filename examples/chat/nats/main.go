// Command nats is the chat of the folder above with NATS linked in, so that several chats are one. The command chat builds it and becomes it, if
// it is started with -nats. This module is apart, so that the library does not depend on NATS.
//
//	chat -nats embedded                                   with a NATS server in the first of these programs on a machine
//	chat -nats nats://user:password@10.0.0.7:4222         with a NATS server elsewhere, which needs JetStream
package main

import "github.com/hisock/hisock/examples/chat/app"

func main() { app.Program{Open: open}.Main() }
