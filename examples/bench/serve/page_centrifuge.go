package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/centrifugal/centrifuge"
)

// startPageCentrifuge starts a server as startCentrifuge does, for pages, which speak JSON.
func startPageCentrifuge() (string, error) {
	node, err := centrifuge.New(centrifuge.Config{ClientQueueMaxSize: 64 << 20})
	if err != nil {
		return "", err
	}
	var got taken
	text, err := json.Marshal(pageText)
	if err != nil {
		return "", err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}, MaxMessagesInFrame: -1}, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnRPC(func(e centrifuge.RPCEvent, answer centrifuge.RPCCallback) {
			data := e.Data
			switch e.Method {
			case "texts":
				var ask struct {
					N       int
					Channel string
				}
				if err := json.Unmarshal(e.Data, &ask); err != nil {
					answer(centrifuge.RPCReply{}, centrifuge.ErrorBadRequest)
					return
				}
				go func() {
					for range ask.N {
						node.Publish(ask.Channel, text)
					}
				}()
			case "taken":
				data = strconv.AppendInt(nil, got.tell(), 10)
			}
			answer(centrifuge.RPCReply{Data: data}, nil)
		})
		c.OnMessage(func(centrifuge.MessageEvent) { got.add() })
		c.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			answer(centrifuge.SubscribeReply{}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return "", err
	}
	return serveHTTP(centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		MessageSizeLimit: 1 << 20, UseWriteBufferPool: true, CheckOrigin: func(*http.Request) bool { return true },
	}))
}
