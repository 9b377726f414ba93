package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/hisock/hisock/core/natsrelay"
	"github.com/hisock/hisock/examples/chat/app"
)

// prefix keeps chats apart from other users of the same NATS.
const prefix = "hisock-chat"

// open joins the chat to others.
func open(ctx context.Context, o app.NATS) (*app.Backbone, error) {
	b := &app.Backbone{Address: o.Address, Close: func() {}}
	port, inside := o.Embedded()
	if inside {
		e, err := embed(ctx, port)
		if err != nil {
			return nil, err
		}
		b.Address, b.Close = e.url, e.close
	}
	opts := natsrelay.Options{Servers: strings.Split(b.Address, ","), Prefix: prefix}
	if o.Credentials != "" {
		if _, err := os.Stat(o.Credentials); err != nil {
			return nil, fmt.Errorf("-nats-creds cannot be read: %w", err)
		}
		opts.NATS = append(opts.NATS, nats.UserCredentials(o.Credentials))
	}
	relay, err := natsrelay.New(opts)
	if err != nil {
		b.Close()
		return nil, err
	}
	// A server in a chat keeps nothing that outlives it. What another one keeps outlives the chats.
	store, err := natsrelay.NewHistory(natsrelay.HistoryOptions{Servers: opts.Servers, Prefix: prefix, NATS: opts.NATS, Memory: inside})
	if err != nil {
		b.Close()
		return nil, err
	}
	b.Relay, b.Store, b.Address = relay, store, withoutPasswords(b.Address)
	return b, nil
}

// withoutPasswords returns a list of URLs as it may be shown.
func withoutPasswords(list string) string {
	urls := strings.Split(list, ",")
	for i, raw := range urls {
		if u, err := url.Parse(raw); err == nil {
			urls[i] = u.Redacted()
		}
	}
	return strings.Join(urls, ",")
}
