package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/lock"
)

// A Folder is a folder whose files are sent, and into which files are received, by their names. Peers may choose the
// names: a name that is a path or has control characters fails with [core.CodeBadName], and links that lead out of the
// folder are not followed. A Folder is safe for concurrent use.
type Folder struct {
	root *os.Root
	mu   lock.Mutex[lock.FileNames] // guards busy
	busy map[string]*Target         // targets of transfers, by name
}

// OpenFolder opens a folder, which must exist.
func OpenFolder(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Folder{root: root, busy: map[string]*Target{}}, nil
}

// Close closes the folder. Transfers from it and into it fail then.
func (f *Folder) Close() error { return f.root.Close() }

// partSuffix ends the name of a file that is not complete.
const partSuffix = ".part"

// Open opens the file with that name for sending. It fails with [core.CodeNotFound] if there is no
// such file.
func (f *Folder) Open(name string) (*Source, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	info, err := f.root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, core.NewError(core.CodeNotFound, "there is no file of that name")
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // opening a pipe would wait
		return nil, errNotRegular
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	return sourceOf(file)
}

// Create returns a target for a new file with that name. Receiving fails with [core.CodeNameTaken] if the file exists
// and has other content. Only one transfer uses a name: a later transfer takes the name over, and the earlier one fails
// with [core.CodeReplaced]. The sender of the earlier one may be away, and not know that its program was started again.
func (f *Folder) Create(name string) (*Target, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	return &Target{folder: f, name: name}, nil
}

// Replace is like Create, but replaces the file with that name once all bytes have come.
func (f *Folder) Replace(name string) (*Target, error) {
	t, err := f.Create(name)
	if err == nil {
		t.replace = true
	}
	return t, err
}

// List returns the files in the folder in the order of their names. It leaves out parts, folders
// and files that Open would refuse.
func (f *Folder) List() ([]fs.FileInfo, error) {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var list []fs.FileInfo
	for _, e := range entries {
		if checkName(e.Name()) != nil {
			continue
		}
		info, err := f.root.Stat(e.Name())
		if err == nil && info.Mode().IsRegular() { // else the file has gone, or is no regular file
			list = append(list, info)
		}
	}
	return list, nil
}

// take makes t the only target of its name.
func (f *Folder) take(t *Target) {
	f.mu.Lock()
	before := f.busy[t.name]
	f.busy[t.name] = t
	f.mu.Unlock()
	if before != nil && before != t {
		before.end(errTakenOver)
	}
}

// leave undoes take, unless another target has taken the name over.
func (f *Folder) leave(t *Target) {
	f.mu.Lock()
	if f.busy[t.name] == t {
		delete(f.busy, t.name)
	}
	f.mu.Unlock()
}

var errTakenOver = core.NewError(core.CodeReplaced, "a later transfer has taken over the file")

// openFolderOf opens the folder of a path, and returns it with the name of the file.
func openFolderOf(path string) (f *Folder, name string, err error) {
	f, err = OpenFolder(filepath.Dir(path))
	return f, filepath.Base(path), err
}

const maxName = 240 // bytes; the limit of file systems, less the length of partSuffix

// checkName fails for a name that is a path, or that may mislead a reader.
func checkName(name string) error {
	why := ""
	switch {
	case name == "" || len(name) > maxName:
		why = "it has no characters, or too many"
	case !utf8.ValidString(name):
		why = "it is not UTF-8"
	case name == "." || name == ".." || strings.ContainsAny(name, `/\`) || !filepath.IsLocal(name):
		why = "it is a path"
	case runtime.GOOS == "windows" && strings.ContainsAny(name, `:*?"<>|`):
		why = "it has a character that names do not have"
	case strings.HasSuffix(strings.ToLower(name), partSuffix):
		why = "it is the name of a part"
	case strings.ContainsFunc(name, misleads) || strings.TrimSpace(name) != name || strings.HasSuffix(name, "."):
		why = "it has characters that cannot be seen"
	}
	if why != "" {
		return core.NewError(core.CodeBadName, "not the name of a file: "+why)
	}
	return nil
}

// misleads reports whether r is invisible, ends a line, or changes the direction of the text beside
// it.
func misleads(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// errNotRegular is the error about a thing without content of its own, such as a folder or a pipe.
var errNotRegular = core.NewError(core.CodeBadName, "that is no regular file")
