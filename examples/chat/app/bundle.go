package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"

	"github.com/hisock/hisock/web"
)

// loadBundle returns a handler of the browser bundle in dir. If dir is empty, it builds a bundle in a temporary
// folder. The handler holds the bundle in memory, and the temporary folder is removed.
func loadBundle(ctx context.Context, dir string, progress io.Writer) (http.Handler, error) {
	if dir != "" {
		h, err := web.Handler(os.DirFS(dir))
		if err != nil {
			return nil, fmt.Errorf("%q is no bundle that can be served: %w\nMake one with: chat -build DIR", dir, err)
		}
		return h, nil
	}
	tmp, err := os.MkdirTemp("", "hisock-chat-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // remaining files are in the system's temporary folder
	dir = filepath.Join(tmp, "bundle")
	if err := build(ctx, dir, progress); err != nil {
		return nil, err
	}
	return web.Handler(os.DirFS(dir))
}

// build makes a browser bundle in dir.
func build(ctx context.Context, dir string, progress io.Writer) error {
	fmt.Fprintln(progress, "chat: building the browser bundle; the first time this can take a minute")
	err := web.Build(ctx, dir, &web.BuildOptions{
		Dir:      sourceDir(),
		Progress: func(step string) { fmt.Fprintf(progress, "chat:   %s\n", step) },
	})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return cannotBuild(err)
}

// cannotBuild returns the error with advice for the user.
func cannotBuild(err error) error {
	if errors.Is(err, web.ErrNoGo) {
		return fmt.Errorf("the page needs a browser bundle, and there is no Go command here to build one\n%s", withoutGo)
	}
	return fmt.Errorf("the page needs a browser bundle, and it cannot be built here: %w\n%s", err, withoutGo)
}

const withoutGo = `Build one where Go and the source of this program are:  chat -build DIR
and start with it:                                      chat -bundle DIR
or go without the page:                                 chat -http ""`

// sourceDir returns a folder in which the go command finds this module: the folder from which this program was
// built, or "", the current folder, if that folder is not on this machine.
func sourceDir() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "" // built with -trimpath
	}
	dir := filepath.Dir(file)
	if _, err := os.Stat(filepath.Join(dir, "bundle.go")); err != nil {
		return ""
	}
	return dir
}
