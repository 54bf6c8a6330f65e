package p2p

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"regexp"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"sonm/engine/fog"
)

// MaxGossip is the most bytes one published message may have.
const MaxGossip = 8 << 10

const (
	maxRPC     = 64 << 10         // bytes of one exchange between two routers
	seenFor    = 30 * time.Second // the same bytes are news again after that; a message crosses 1,000 nodes in a second
	mostTopics = 64               // topics one peer may subscribe to here
	backlog    = 1024             // messages kept for a slow reader of a topic; later ones are lost to it
)

// Verdict is what a validator thinks of a message.
type Verdict int

// Verdicts. Reject is for what no honest peer would pass on (it costs the
// sender its reputation); Ignore for what is merely not wanted, such as an old
// message or one too many.
const (
	Accept Verdict = iota
	Ignore
	Reject
)

// Topic is a subject the host takes part in: it passes on what its validator
// accepts, whether or not anybody reads it by Next.
type Topic struct {
	h     *Host
	topic *pubsub.Topic
	sub   *pubsub.Subscription
	close func() error
}

// Join takes part in a topic. validate is called for every message once, our
// own included, from several goroutines; from is the neighbour that passed it
// on, not its author. Messages are not signed by the gossip layer: what is
// published has to carry its own proof. A topic can be joined once at a time.
func (h *Host) Join(ctx context.Context, name string, validate func(from fog.PeerID, data []byte) Verdict) (*Topic, error) {
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	full := string(h.protocol(name))
	topic, err := h.gossip.Join(full)
	if err != nil {
		return nil, fmt.Errorf("join %s: %w", name, err)
	}
	t := &Topic{h: h, topic: topic}
	judge := func(_ context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		if len(m.Data) > MaxGossip {
			return pubsub.ValidationReject
		}
		switch validate(fog.PeerID(from.String()), m.Data) {
		case Accept:
			return pubsub.ValidationAccept
		case Ignore:
			return pubsub.ValidationIgnore
		default:
			return pubsub.ValidationReject
		}
	}
	if err := t.enter(h.gossip, full, judge); err != nil {
		topic.Close()
		return nil, fmt.Errorf("join %s: %w", name, err)
	}
	return t, nil
}

// enter validates, scores and subscribes, in this order: nothing unjudged gets
// in.
func (t *Topic) enter(g *pubsub.PubSub, full string, judge pubsub.ValidatorEx) error {
	if err := g.RegisterTopicValidator(full, judge); err != nil {
		return err
	}
	err := t.topic.SetScoreParams(topicScore())
	if err == nil {
		t.sub, err = t.topic.Subscribe(pubsub.WithBufferSize(backlog))
	}
	if err != nil {
		_ = g.UnregisterTopicValidator(full) // fails only when the host is over
		return err
	}
	t.close = func() error {
		t.sub.Cancel()
		_ = g.UnregisterTopicValidator(full) // fails when it is gone already or the host is over
		return t.topic.Close()
	}
	return nil
}

// Publish sends data to the topic. It does not wait for anybody to be there:
// late joiners hear it when it is published again, which has an effect only
// with other bytes or after 30 s, since equal bytes are one message.
func (t *Topic) Publish(ctx context.Context, data []byte) error {
	if len(data) > MaxGossip {
		return fmt.Errorf("publish %d bytes where %d are allowed", len(data), MaxGossip)
	}
	if err := t.topic.Publish(ctx, data); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// Next is the next message of others, and the neighbour it came from. A reader
// that is slower than the topic loses messages.
func (t *Topic) Next(ctx context.Context) (data []byte, from fog.PeerID, err error) {
	for {
		m, err := t.sub.Next(ctx)
		if err != nil {
			return nil, "", fmt.Errorf("gossip: %w", err)
		}
		if m.ReceivedFrom != t.h.id {
			return m.Data, fog.PeerID(m.ReceivedFrom.String()), nil
		}
	}
}

// Neighbours is how many connected peers are known to take part in the topic.
func (t *Topic) Neighbours() int { return len(t.topic.ListPeers()) }

// Close leaves the topic.
func (t *Topic) Close() error { return t.close() }

func (h *Host) newGossip(ctx context.Context, node host.Host) (*pubsub.PubSub, error) {
	ours := regexp.MustCompile("^" + regexp.QuoteMeta(string(h.protocol(""))))
	mesh := h.protocol("meshsub/1.1.0")
	features := func(f pubsub.GossipSubFeature, p protocol.ID) bool {
		return p == mesh && (f == pubsub.GossipSubFeatureMesh || f == pubsub.GossipSubFeaturePX)
	}
	return pubsub.NewGossipSub(ctx, node,
		pubsub.WithGossipSubProtocols([]protocol.ID{mesh}, features),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(contentID), pubsub.WithMaxMessageSize(maxRPC), pubsub.WithFloodPublish(true),
		pubsub.WithSeenMessagesTTL(seenFor), pubsub.WithPeerScore(peerScore()),
		pubsub.WithSubscriptionFilter(pubsub.WrapLimitSubscriptionFilter(
			pubsub.NewRegexpSubscriptionFilter(ours), mostTopics)))
}

// contentID names a message by what it says, so that nobody can send the same
// order under many names.
func contentID(m *pb.Message) string {
	d := sha256.Sum256(m.GetData())
	return string(d[:16])
}

// peerScore is modest: only peers that send rejected messages or break the
// protocol lose anything. Several nodes may share an address.
func peerScore() (*pubsub.PeerScoreParams, *pubsub.PeerScoreThresholds) {
	_, v4, _ := net.ParseCIDR("127.0.0.0/8") // constants
	_, v6, _ := net.ParseCIDR("::1/128")
	score := pubsub.PeerScoreParams{
		Topics:           map[string]*pubsub.TopicScoreParams{},
		AppSpecificScore: func(peer.ID) float64 { return 0 }, AppSpecificWeight: 1,
		IPColocationFactorWeight: -5, IPColocationFactorThreshold: 8, IPColocationFactorWhitelist: []*net.IPNet{v4, v6},
		BehaviourPenaltyWeight: -10, BehaviourPenaltyThreshold: 6, BehaviourPenaltyDecay: 0.9,
		DecayInterval: time.Second, DecayToZero: 0.01, RetainScore: 10 * time.Minute,
	}
	thresholds := pubsub.PeerScoreThresholds{
		GossipThreshold: -100, PublishThreshold: -500, GraylistThreshold: -1000, OpportunisticGraftThreshold: 5,
	}
	return &score, &thresholds
}

// topicScore counts rejected messages by their square: five in a short time
// silence a peer.
func topicScore() *pubsub.TopicScoreParams {
	return &pubsub.TopicScoreParams{
		SkipAtomicValidation: true, TopicWeight: 1,
		TimeInMeshWeight: 0.01, TimeInMeshQuantum: time.Second, TimeInMeshCap: 100,
		FirstMessageDeliveriesWeight: 0.5, FirstMessageDeliveriesDecay: 0.95, FirstMessageDeliveriesCap: 100,
		InvalidMessageDeliveriesWeight: -50, InvalidMessageDeliveriesDecay: 0.99,
	}
}
