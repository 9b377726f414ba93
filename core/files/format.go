package files

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/hisock/hisock/core"
)

// Sizes of the parts of a transfer in bytes; see doc.go.
const (
	offerSize  = 16
	hasSize    = 8
	startSize  = 8
	lengthSize = 4
	maxChunk   = 1 << 20
)

const (
	version     = 1
	flagSeek    = 1
	unknownSize = math.MaxUint64
	done        = 1 // the only byte of the receiver's last message
)

// An offer is the first message of a sender.
type offer struct {
	size int64 // in bytes; negative if it is not known
	seek bool  // whether the sender can begin at any offset
}

func (o offer) append(dst []byte) []byte {
	flags := byte(0)
	if o.seek {
		flags = flagSeek
	}
	size := uint64(unknownSize)
	if o.size >= 0 {
		size = uint64(o.size)
	}
	return binary.BigEndian.AppendUint64(append(dst, 'h', 's', 'f', version, flags, 0, 0, 0), size)
}

func parseOffer(b [offerSize]byte) (offer, error) {
	size := binary.BigEndian.Uint64(b[8:])
	switch {
	case string(b[:3]) != "hsf":
		return offer{}, broken("what came is no file")
	case b[3] != version:
		return offer{}, core.NewError(core.CodeVersion, "a file in version "+strconv.Itoa(int(b[3]))+" of the format")
	case b[4]&^flagSeek != 0 || b[5] != 0 || b[6] != 0 || b[7] != 0:
		return offer{}, broken("a file with unknown flags")
	case size == unknownSize:
		return offer{size: -1}, nil
	case size > math.MaxInt64:
		return offer{}, broken("a file with a size that no file has")
	}
	return offer{size: int64(size), seek: b[4] == flagSeek}, nil
}

// parseHas parses the number of bytes that the receiver of an offer has.
func parseHas(b [hasSize]byte, of offer) (int64, error) {
	has := binary.BigEndian.Uint64(b[:])
	most := uint64(0)
	if of.seek && of.size > 0 {
		most = uint64(of.size)
	}
	if has > most {
		return 0, broken("the receiver has more bytes than it can have")
	}
	return int64(has), nil
}

// broken returns the error about a peer that breaks the rules of the format.
func broken(what string) error { return core.NewError(core.CodeProtocol, what) }
