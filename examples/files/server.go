package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/files"
	"github.com/hisock/hisock/web"
)

// goodbyeTime is how long the shutdown may take. What is under way then goes on when the server is started again.
const goodbyeTime = time.Second

// An entry is a file in the list of a server.
type entry struct {
	Name string
	Size int64
}

// serve serves a folder until ctx ends, which is no error.
func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	if err := os.MkdirAll(o.dir, 0o777); err != nil {
		return err
	}
	folder, err := files.OpenFolder(o.dir)
	if err != nil {
		return err
	}
	defer folder.Close() //nolint:errcheck // nothing is written through it any more
	srv, err := newServer(folder, o.most)
	if err != nil {
		return err
	}
	site := &web.Site{
		TCP: o.tcp, HTTP: o.http, Handler: newPages(), ShutdownTimeout: goodbyeTime,
		Ready: func(urls []string) { fmt.Fprintln(stdout, "serving", o.dir, "at", urls) },
	}
	switch {
	case o.http == "": // no page
	case o.bundle != "":
		site.Bundle = os.DirFS(o.bundle)
	default:
		tmp, err := os.MkdirTemp("", "hisock-files-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp) //nolint:errcheck // remaining files are in the system's temporary folder
		site.Build = filepath.Join(tmp, "bundle")
		site.BuildOptions = &web.BuildOptions{Progress: func(step string) { fmt.Fprintln(stderr, "files: building the browser bundle:", step) }}
	}
	return web.Serve(ctx, srv, site)
}

// pages is the group of clients that are told when the folder has changed.
const pages = "pages"

// newServer returns a server of a folder.
func newServer(folder *files.Folder, most int64) (*core.Server, error) {
	srv, err := core.NewServer(&core.ServerOptions{Timeouts: core.Timeouts{Close: goodbyeTime}})
	if err != nil {
		return nil, err
	}
	core.Handle(srv, "list", func(context.Context, *core.Conn, struct{}) ([]entry, error) {
		infos, err := folder.List()
		list := make([]entry, len(infos))
		for i, info := range infos {
			list[i] = entry{info.Name(), info.Size()}
		}
		return list, err
	})
	core.HandleByteStream(srv, "upload", func(ctx context.Context, _ *core.Conn, name string, s *core.ByteStream) error {
		to, err := folder.Create(name)
		if err != nil {
			return err
		}
		defer to.Close() //nolint:errcheck // Receive has written all
		if _, err = files.Receive(ctx, s, to, &files.Options{MaxSize: most}); err != nil {
			return err
		}
		srv.Group(pages).Send("changed", nil) //nolint:errcheck // a page that does not hear it shows the old list
		return nil
	})
	core.HandleByteStream(srv, "download", func(ctx context.Context, _ *core.Conn, name string, s *core.ByteStream) error {
		from, err := folder.Open(name)
		if err != nil {
			return err
		}
		defer from.Close() //nolint:errcheck // it was only read
		_, err = files.Send(ctx, s, from, nil)
		return err
	})
	return srv, nil
}
