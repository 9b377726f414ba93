package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/files"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// visit connects to a server and does one thing there.
func visit(ctx context.Context, o options, stdout, stderr io.Writer) error {
	dialer, err := newDialer(o.at)
	if err != nil {
		return err
	}
	client, err := core.NewClient(dialer, nil)
	if err != nil {
		return err
	}
	away := false
	client.OnState(func(s core.State, why error) {
		switch {
		case s == core.StateReconnecting && !away:
			away = true
			fmt.Fprintln(stderr, "files: the server is away:", core.Text(why))
		case away && (s == core.StateResumed || s == core.StateConnected):
			away = false
			fmt.Fprintln(stderr, "files: back again")
		}
	})
	defer func() {
		client.Close() //nolint:errcheck // everything is done
		<-client.Done()
	}()
	if err := client.Connect(ctx); err != nil {
		return fmt.Errorf("cannot reach %s: %w", o.at, err)
	}
	v := visitor{client, stdout}
	switch name := o.args[1:]; o.args[0] {
	case "list":
		err = v.list(ctx)
	case "put":
		err = v.put(ctx, name[0], append(name, filepath.Base(name[0]))[1])
	default:
		err = v.get(ctx, name[0], append(name, name[0])[1])
	}
	var broken *files.Error
	if ctx.Err() != nil && errors.As(err, &broken) && broken.Done >= 0 {
		return fmt.Errorf("stopped after %s of %s: the same command goes on from there", amount(broken.Done), amount(broken.Size))
	}
	return err
}

// newDialer returns a dialer to a URL such as tcp://127.0.0.1:6970 or ws://127.0.0.1:8081.
func newDialer(raw string) (transport.Dialer, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("%q is no address such as tcp://127.0.0.1:6970", raw)
	case u.Scheme == "tcp":
		return tcp.Dialer(u.Host, nil), nil
	case u.Scheme == "ws" || u.Scheme == "wss":
		if u.Path == "" || u.Path == "/" {
			u.Path = "/ws"
		}
		return ws.Dialer(u.String(), nil), nil
	}
	return nil, fmt.Errorf("%q: a server is reached over tcp, ws or wss", raw)
}

// A visitor does what the arguments ask for.
type visitor struct {
	client *core.Client
	stdout io.Writer
}

func (v *visitor) list(ctx context.Context) error {
	list, err := core.Call[[]entry](ctx, v.client, "list", nil)
	if err != nil {
		return err
	}
	for _, e := range list {
		fmt.Fprintf(v.stdout, "%10s  %s\n", amount(e.Size), printable(e.Name))
	}
	return nil
}

// put sends the file at path under a name.
func (v *visitor) put(ctx context.Context, path, name string) error {
	from, err := files.Open(path)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // it was only read
	b := newBar(v.stdout, name)
	receipt, err := files.Upload(ctx, v.client, "upload", name, from, &files.Options{Progress: b.show})
	return b.end(receipt, err)
}

// get fetches the file with that name to path.
func (v *visitor) get(ctx context.Context, name, path string) error {
	to, err := files.Create(path)
	if err != nil {
		return err
	}
	defer to.Close() //nolint:errcheck // Download has written all
	b := newBar(v.stdout, name)
	receipt, err := files.Download(ctx, v.client, "download", name, to, &files.Options{MaxSize: -1, Progress: b.show})
	return b.end(receipt, err)
}
