package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/lock"
)

// A Target is where a file is received. Nothing is on the disk before the transfer begins. [Target.Close] lets go of it.
type Target struct {
	folder  *Folder // nil if w is set
	name    string
	replace bool
	own     bool      // Close closes the folder
	w       io.Writer // what takes the bytes in place of a folder

	mu    lock.Mutex[lock.FileTarget] // guards the fields below
	part  *os.File                    // what has come so far; nil if it is not open
	whole *os.File                    // the file of that name, while it may be what is sent; nil if it is not open
	size  int64                       // of the part, in bytes
	why   error                       // why nothing can be received any more; nil while it can
}

// Create returns a target for a new file. What [Folder.Create] says holds here.
func Create(path string) (*Target, error) { return targetOf(path, false) }

// Replace returns a target for a file that may be there, as [Folder.Replace] does.
func Replace(path string) (*Target, error) { return targetOf(path, true) }

func targetOf(path string, replace bool) (*Target, error) {
	f, name, err := openFolderOf(path)
	if err != nil {
		return nil, err
	}
	t, err := f.Create(name)
	if err != nil {
		f.Close() //nolint:errcheck // nothing was done with it
		return nil, err
	}
	t.own, t.replace = true, replace
	return t, nil
}

// NewTarget returns a target that writes to w what comes, before the checksum is known. Each transfer into it begins at the
// first byte, and there can be only one.
func NewTarget(w io.Writer) *Target { return &Target{w: w} }

// Close lets go of the target. What has come of a file stays for the next transfer. It may be called more than once.
func (t *Target) Close() error {
	t.end(fs.ErrClosed)
	if t.own {
		return t.folder.Close()
	}
	return nil
}

// end ends the use of the target, for that reason.
func (t *Target) end(why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil {
		t.why = why
	}
	t.close()
}

// close closes what is open. A part without bytes is removed.
func (t *Target) close() {
	if t.part != nil {
		if t.size == 0 && t.isPart() {
			t.folder.root.Remove(t.partName()) //nolint:errcheck // an empty file does no harm
		}
		t.part.Close() //nolint:errcheck // what has come is checked again before it is used
	}
	if t.whole != nil {
		t.whole.Close() //nolint:errcheck // it was only read
	}
	t.part, t.whole = nil, nil
	if t.folder != nil {
		t.folder.leave(t)
	}
}

func (t *Target) partName() string { return t.name + partSuffix }

// begin begins a transfer. It returns how many bytes are here that may be the first of what is offered.
func (t *Target) begin(what offer) (has int64, err error) {
	if t.folder != nil {
		t.folder.take(t)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why != nil {
		return 0, t.why
	}
	if t.folder == nil {
		if t.size > 0 {
			return 0, core.NewError(core.CodeInternal, "what was received cannot be taken back")
		}
		return 0, nil
	}
	t.closeFiles()
	there, err := t.openWhole(what)
	if err != nil || there {
		return what.size, err
	}
	if err = t.openPart(); err != nil {
		return 0, err
	}
	if !what.seek || t.size > what.size {
		return 0, nil
	}
	return t.size, nil
}

// closeFiles closes what a transfer before has left open.
func (t *Target) closeFiles() {
	for _, f := range []*os.File{t.part, t.whole} {
		if f != nil {
			f.Close() //nolint:errcheck // what has come is checked again before it is used
		}
	}
	t.part, t.whole = nil, nil
}

// openWhole opens the file of that name if it may be what is offered.
func (t *Target) openWhole(what offer) (there bool, err error) {
	info, err := t.folder.root.Lstat(t.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, errTaken
	case what.seek && what.size == info.Size():
		t.whole, err = t.folder.root.Open(t.name)
		return true, err
	case !t.replace:
		return false, errTaken
	}
	return false, nil
}

var errTaken = core.NewError(core.CodeNameTaken, "there is another file of that name")

// openPart opens the part, makes it if there is none, and locks it against other programs.
func (t *Target) openPart() error {
	for range 3 { // another program may give it its name just now
		f, err := t.folder.root.OpenFile(t.partName(), os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return err
		}
		t.part = f
		info, err := f.Stat()
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return errNotRegular
		case !lockFile(f):
			return core.NewError(core.CodeUnavailable, "another program receives that file")
		case t.isPart():
			t.size = info.Size()
			return nil
		}
		t.closeFiles()
	}
	return core.NewError(core.CodeUnavailable, "another program receives that file")
}

// isPart reports whether the open part still has its name.
func (t *Target) isPart() bool {
	open, err := t.part.Stat()
	if err != nil {
		return false
	}
	named, err := t.folder.root.Lstat(t.partName())
	return err == nil && os.SameFile(open, named)
}

// readAt reads from what is here.
func (t *Target) readAt(p []byte, at int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why != nil {
		return t.why
	}
	f := t.part
	if t.whole != nil {
		f = t.whole
	}
	_, err := f.ReadAt(p, at)
	return err
}

// start makes the byte at that offset the next: what begin has returned, or 0.
func (t *Target) start(at int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.why != nil:
		return t.why
	case t.folder == nil:
		return nil
	case t.whole != nil && at > 0:
		return nil // all is here
	case t.whole != nil:
		if info, err := t.whole.Stat(); err == nil && info.Size() == 0 {
			return nil // nothing is all
		}
		if !t.replace {
			return errTaken
		}
		t.closeFiles()
		if err := t.openPart(); err != nil {
			return err
		}
	}
	if err := t.part.Truncate(at); err != nil {
		return err
	}
	t.size = at
	_, err := t.part.Seek(at, io.SeekStart)
	return err
}

// write takes the next bytes.
func (t *Target) write(p []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why != nil {
		return t.why
	}
	w := t.w
	if t.folder != nil {
		w = t.part
	}
	n, err := w.Write(p)
	t.size += int64(n)
	return err
}

// discard forgets what has come.
func (t *Target) discard() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.part != nil && t.part.Truncate(0) == nil {
		t.size = 0
	}
}

// commit puts the file in its place.
func (t *Target) commit() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why != nil {
		return t.why
	}
	if t.part == nil {
		return nil // it is there, or there is none
	}
	if err := t.part.Sync(); err != nil {
		return err
	}
	root := t.folder.root
	if _, err := root.Lstat(t.name); err == nil && !t.replace {
		t.size = 0
		return errTaken
	}
	if runtime.GOOS == "windows" { // which does not rename a file that is open
		t.closeFiles()
	}
	if err := root.Rename(t.partName(), t.name); err != nil {
		return err
	}
	t.closeFiles()
	if dir, err := root.Open("."); err == nil {
		dir.Sync()  //nolint:errcheck // not every system can do that
		dir.Close() //nolint:errcheck
	}
	return nil
}

// again reports whether a transfer into the target can begin once more.
func (t *Target) again() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.why == nil && (t.folder != nil || t.size == 0)
}
