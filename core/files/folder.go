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

// A Folder is a folder that takes files and gives them, by their names. Peers may choose the names: a name that is a path,
// or has control characters, fails with [core.CodeBadName], and links that lead out of the folder are not followed. It is
// safe for concurrent use.
type Folder struct {
	root *os.Root
	mu   lock.Mutex[lock.FileNames] // guards the field below
	busy map[string]*Target         // who receives the file of that name
}

// OpenFolder opens a folder, which must be there.
func OpenFolder(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Folder{root: root, busy: map[string]*Target{}}, nil
}

// Close closes the folder. Transfers from it and into it fail then.
func (f *Folder) Close() error { return f.root.Close() }

// partSuffix ends the name of a file that has not come whole.
const partSuffix = ".part"

// Open opens the file of that name, to be sent. It fails with [core.CodeBadName] if there is none.
func (f *Folder) Open(name string) (*Source, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	info, err := f.root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, core.NewError(core.CodeBadName, "there is no file of that name")
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

// Create returns a target for a new file of that name. If there is such a file with other content, receiving fails with
// [core.CodeNameTaken]. Only one transfer has a name: a later one takes it over, and the first fails with
// [core.CodeReplaced], since its sender may be away and not know that its program was started again.
func (f *Folder) Create(name string) (*Target, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	return &Target{folder: f, name: name}, nil
}

// Replace is Create, but takes the place of a file of that name once all has come.
func (f *Folder) Replace(name string) (*Target, error) {
	t, err := f.Create(name)
	if err == nil {
		t.replace = true
	}
	return t, err
}

// List returns the files in the folder in the order of their names, without parts, folders and what cannot be opened by name.
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
		if err == nil && info.Mode().IsRegular() { // else it has gone, or is none
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

// leave undoes take.
func (f *Folder) leave(t *Target) {
	f.mu.Lock()
	if f.busy[t.name] == t {
		delete(f.busy, t.name)
	}
	f.mu.Unlock()
}

var errTakenOver = core.NewError(core.CodeReplaced, "a later transfer has taken over the file")

// openFolderOf opens the folder of a path.
func openFolderOf(path string) (f *Folder, name string, err error) {
	f, err = OpenFolder(filepath.Dir(path))
	return f, filepath.Base(path), err
}

const maxName = 240 // bytes; the most that systems take, less those of partSuffix

// checkName fails for a name that is a path, or may mislead who reads it.
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

// misleads reports whether r is not shown, ends a line, or changes the direction of what stands beside it.
func misleads(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// errNotRegular is about something that has no content of its own, such as a folder or a pipe.
var errNotRegular = core.NewError(core.CodeBadName, "that is no regular file")
