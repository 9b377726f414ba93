package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// BuildOptions configure [Build]. A nil pointer and the zero value mean the defaults.
type BuildOptions struct {
	// Go is the path of the go command. Empty means the go command in PATH, or else in GOROOT, or else in a
	// folder in which Go is usually installed.
	Go string

	// Dir is the folder in which the go command runs. Empty means the current folder. If it is not in this module, and not in a
	// module that requires this module, Build downloads the version of this module that the program has.
	Dir string

	// Brotli makes copies that are compressed with Brotli too, which are some 25 % smaller than the copies with gzip. [Handler] sends
	// them to browsers that accept them. Brotli needs the node command in PATH, and takes some 10 s more.
	Brotli bool

	// Progress, if set, is called with the name of each step before the step, such as "compress", on the
	// goroutine that called Build. The step that compiles says that it takes up to a minute the first time.
	Progress func(step string)
}

// Build makes a bundle in the folder dir, and creates the folder if it is missing. It
// replaces the folder as a whole when all files are ready: after a failure the folder is as before. A folder
// that holds files and is not a bundle is refused with [ErrNotBundle]. If no file has
// changed since the last build, Build leaves the folder as it is.
//
// The first build on a machine compiles the standard library for the browser and may take
// a minute. Later builds take a second or two. Errors are [*BuildError], with
// [ErrNoGo] in their chain if there is no go command. When ctx ends, Build fails.
// Several builds of one folder may run at once: the folder then has the bundle of one of them.
func Build(ctx context.Context, dir string, opts *BuildOptions) error {
	var o BuildOptions
	if opts != nil {
		o = *opts
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if err := mayReplace(dir); err != nil {
		return &BuildError{Step: "look at " + dir, Err: err}
	}
	tool, err := findGo(o.Go, o.Dir)
	if err != nil {
		return &BuildError{Step: "look for Go", Err: err}
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return &BuildError{Step: "make " + parent, Err: err}
	}
	// A folder beside dir is on the same file system, so it can be renamed to dir.
	tmp, err := os.MkdirTemp(parent, ".hisock-bundle-*")
	if err != nil {
		return &BuildError{Step: "make " + parent, Err: err}
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // remaining files are in a hidden folder
	if tmp, err = filepath.Abs(tmp); err != nil {
		return &BuildError{Step: "make " + parent, Err: err}
	}
	return build(ctx, tool, dir, tmp, o.Brotli, o.Progress)
}

func build(ctx context.Context, tool *goCommand, dir, tmp string, brotli bool, progress func(string)) error {
	if err := tool.locate(ctx, ownVersion()); err != nil {
		return err
	}
	version, err := tool.version(ctx)
	if err != nil {
		return err
	}
	tool.slim(version)
	progress("compile " + wasmFile + firstBuild)
	compiled := filepath.Join(tmp, "compiled.wasm")
	if err := tool.compile(ctx, compiled); err != nil {
		return err
	}
	wasm, err := os.ReadFile(compiled)
	if err != nil {
		return &BuildError{Step: "read " + wasmFile, Err: err}
	}
	exec, err := tool.execSource(ctx)
	if err != nil {
		return err
	}
	files := map[string][]byte{wasmFile: mergeSegments(wasm), execFile: wrapExec(exec)}
	for _, name := range sourceNames() {
		if files[name], err = sources.ReadFile(name); err != nil {
			return &BuildError{Step: "read " + name, Err: err}
		}
		if strings.HasSuffix(name, ".js") {
			files[name] = stripComments(files[name])
		}
	}
	stamp(files)
	if upToDate(dir, version, brotli, files) {
		progress("keep " + dir + ", which is up to date")
		return nil
	}
	m := Manifest{Hisock: manifestVersion, GoVersion: version, Files: make(map[string]File)}
	bundle := filepath.Join(tmp, "bundle")
	progress("compress")
	if err := write(ctx, bundle, files, brotli, &m); err != nil {
		return &BuildError{Step: "write the bundle", Err: err}
	}
	progress("put it into " + dir)
	if err := swap(bundle, dir, filepath.Join(tmp, "old")); err != nil {
		return &BuildError{Step: "put it into " + dir, Err: err}
	}
	return nil
}

// firstBuild warns the reader of the progress that the step may take long.
const firstBuild = ", which takes up to a minute the first time"

// mayReplace returns why dir must not be replaced, or nil.
func mayReplace(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := readManifest(os.DirFS(dir)); err != nil {
		return ErrNotBundle
	}
	return nil
}

// upToDate reports whether dir holds a complete bundle of these files, made by that version of Go, with or without copies in Brotli.
func upToDate(dir, version string, brotli bool, files map[string][]byte) bool {
	m, err := Check(os.DirFS(dir))
	if err != nil || m.GoVersion != version {
		return false
	}
	for name, content := range files {
		if _, has := m.Files[name+brotliSuffix]; has != brotli || m.Files[name] != describe(content) {
			return false
		}
	}
	return true
}

// write fills a new folder with files, their compressed copies and the manifest.
func write(ctx context.Context, dir string, files map[string][]byte, brotli bool, m *Manifest) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	put := func(name string, content []byte) error {
		name = filepath.Join(dir, filepath.FromSlash(name))
		return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, content, 0o644))
	}
	for name, content := range files {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		packed, err := compress(content)
		if err != nil {
			return err
		}
		m.Files[name], m.Files[name+gzipSuffix] = describe(content), describe(packed)
		if err := errors.Join(put(name, content), put(name+gzipSuffix, packed)); err != nil {
			return err
		}
	}
	if brotli {
		if err := addBrotli(ctx, dir, slices.Sorted(maps.Keys(files)), m); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	return put(manifestFile, append(text, '\n'))
}

// compress returns content as a gzip file without a name or a time. The result for the same content is always the
// same.
func compress(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// swap renames dir to old and fresh to dir. If that fails, it renames old to dir again.
func swap(fresh, dir, old string) error {
	moved := true
	if err := os.Rename(dir, old); errors.Is(err, os.ErrNotExist) {
		moved = false
	} else if err != nil {
		return err
	}
	err := os.Rename(fresh, dir)
	if err == nil {
		return nil
	}
	if moved {
		return errors.Join(err, os.Rename(old, dir))
	}
	if _, bad := Check(os.DirFS(dir)); bad == nil {
		return nil // another build was faster
	}
	return err
}
