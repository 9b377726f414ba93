package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// A Manifest describes a bundle.
type Manifest struct {
	// Hisock is the version of the bundle's layout. It also marks the file as the manifest of a bundle.
	Hisock int `json:"hisock"`
	// GoVersion is the version of the toolchain that compiled the bundle, such as "go1.26.8".
	GoVersion string `json:"goVersion"`
	// Files are the files of the bundle by name, including compressed copies and without the manifest.
	Files map[string]File `json:"files"`
}

// A File is one file of a bundle, or the compressed copy of one.
type File struct {
	Size   int    `json:"size"`   // in bytes
	SHA256 string `json:"sha256"` // in hexadecimal
}

// manifestVersion is the version of the layout that this package writes and reads.
const manifestVersion = 1

func describe(content []byte) File {
	sum := sha256.Sum256(content)
	return File{Size: len(content), SHA256: hex.EncodeToString(sum[:])}
}

// Check reads a bundle and returns its manifest. It fails unless the bundle is complete: every file must be there and
// have the size and checksum of the manifest. The error is a [*BundleError] that names the other files.
func Check(fsys fs.FS) (*Manifest, error) {
	m, _, err := load(fsys)
	return m, err
}

// load reads a bundle and returns its files by name.
func load(fsys fs.FS) (*Manifest, map[string][]byte, error) {
	m, err := readManifest(fsys)
	if err != nil {
		return nil, nil, err
	}
	var fault BundleError
	files := make(map[string][]byte, len(m.Files)+1)
	for _, plain := range bundleNames() {
		for _, name := range []string{plain, plain + gzipSuffix, plain + brotliSuffix} {
			want, listed := m.Files[name]
			if !listed && name == plain+brotliSuffix {
				continue // it was built without
			}
			content, err := fs.ReadFile(fsys, name)
			switch {
			case errors.Is(err, fs.ErrNotExist) || !listed:
				fault.Missing = append(fault.Missing, name)
			case err != nil:
				fault.Err = err
			case describe(content) != want:
				fault.Damaged = append(fault.Damaged, name)
			}
			files[name] = content
		}
	}
	if fault.Missing != nil || fault.Damaged != nil || fault.Err != nil {
		slices.Sort(fault.Missing)
		slices.Sort(fault.Damaged)
		return nil, nil, &fault
	}
	return m, files, nil
}

func readManifest(fsys fs.FS) (*Manifest, error) {
	if fsys == nil {
		return nil, &BundleError{Err: errors.New("there are no files")}
	}
	raw, err := fs.ReadFile(fsys, manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		// Name all missing files: perhaps it is the wrong folder.
		missing := []string{manifestFile}
		for _, name := range bundleNames() {
			if _, err := fs.Stat(fsys, name); err != nil {
				missing = append(missing, name)
			}
		}
		slices.Sort(missing)
		return nil, &BundleError{Missing: missing}
	}
	if err != nil {
		return nil, &BundleError{Err: err}
	}
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, &BundleError{Damaged: []string{manifestFile}, Err: err}
	}
	if m.Hisock != manifestVersion {
		return nil, &BundleError{
			Damaged: []string{manifestFile},
			Err:     fmt.Errorf("layout %d is not the %d that this program reads", m.Hisock, manifestVersion),
		}
	}
	return &m, nil
}
