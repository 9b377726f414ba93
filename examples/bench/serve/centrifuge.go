package serve

import (
	"context"

	"github.com/centrifugal/centrifuge"
)

// centrifuge with its Protobuf protocol. Its limit of 16 messages in one write is raised for speed, and its limit of
// 1 MiB in a queue is raised so that nothing is dropped.
func startCentrifuge() (string, error) { return serveCentrifuge(nil) }

// serveCentrifuge serves with a broker, if prepare sets one.
func serveCentrifuge(prepare func(*centrifuge.Node) error) (string, error) {
	node, err := centrifuge.New(centrifuge.Config{ClientQueueMaxSize: 64 << 20})
	if err != nil {
		return "", err
	}
	if prepare != nil {
		if err := prepare(node); err != nil {
			return "", err
		}
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}, MaxMessagesInFrame: -1}, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnRPC(func(e centrifuge.RPCEvent, answer centrifuge.RPCCallback) {
			answer(centrifuge.RPCReply{Data: e.Data}, nil)
		})
		c.OnMessage(func(e centrifuge.MessageEvent) {
			node.Publish(string(e.Data[:min(groupLen, len(e.Data))]), e.Data)
		})
		c.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			answer(centrifuge.SubscribeReply{}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return "", err
	}
	return serveHTTP(centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		MessageSizeLimit: 1 << 20, UseWriteBufferPool: true,
	}))
}
