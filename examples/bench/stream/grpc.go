package stream

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// grpcClient is gRPC's client with its default options, and server streaming of a message with one field of bytes.
type grpcClient struct{ cc *grpc.ClientConn }

func openGRPC(addr string) (client, error) {
	cc, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cc.Connect()
	for s := cc.GetState(); s != connectivity.Ready; s = cc.GetState() {
		if !cc.WaitForStateChange(ctx, s) {
			return nil, errors.New("it does not connect")
		}
	}
	return &grpcClient{cc}, nil
}

var itemsDesc = grpc.StreamDesc{StreamName: "Items", ServerStreams: true}

// stream calls got with each message until it fails.
func (g *grpcClient) stream(ctx context.Context, method string, arg int64, got func([]byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := g.cc.NewStream(ctx, &itemsDesc, method)
	if err != nil {
		return err
	}
	if err := s.SendMsg(wrapperspb.Int64(arg)); err != nil {
		return err
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	for {
		var m wrapperspb.BytesValue
		if err := s.RecvMsg(&m); err != nil {
			return err
		}
		if err := got(m.Value); err != nil {
			return err
		}
	}
}

func (g *grpcClient) items(ctx context.Context, size int, got func([]byte) error) error {
	return g.stream(ctx, "/bench.Bench/Items", int64(size), got)
}

func (g *grpcClient) bytes(ctx context.Context, n int64, w io.Writer) error {
	left := n
	err := g.stream(ctx, "/bench.Bench/Bytes", n, func(b []byte) error {
		left -= int64(len(b))
		_, err := w.Write(b)
		return err
	})
	if errors.Is(err, io.EOF) && left == 0 {
		return nil
	}
	return err
}

func (g *grpcClient) close() error { return g.cc.Close() }
