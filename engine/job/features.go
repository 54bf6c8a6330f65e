package job

// FeatureValues is the number of values a pixel of the feature layers has: what
// the camera's rays meet first, which costs little and has hardly any noise.
//
//	0-2  albedo R, G, B: the base colour, linear
//	3-5  shading normal X, Y, Z: unit length, world space in glTF's axes, facing the camera
//	6    depth: distance along the camera's viewing axis in scene units
//	7    coverage: 1 where something is hit
//
// A task's result has the sums of the samples' values; all are 0 where nothing
// is hit.
const FeatureValues = 8

// featureSamples are taken of the features at most. They only have to smooth
// edges, which 16 stratified samples do to 1/16 of a pixel.
const featureSamples = 16

// FeatureSamples is how many samples the feature layers of a picture with the
// given samples per pixel have: its first ones, a power of two.
func FeatureSamples(samples int) int {
	return 1 << log2Floor(min(samples, featureSamples))
}

// layers are those the job asks for.
func (s Settings) layers() []Layer {
	if s.Layers {
		return []Layer{Radiance, Features}
	}
	return []Layer{Radiance}
}

// samplesOf is how many samples a layer has.
func (s Settings) samplesOf(l Layer) int {
	if l == Features {
		return FeatureSamples(s.Samples)
	}
	return s.Samples
}

// featurePilot are the tasks of the pilot that measure the features, given those
// that measure the light.
func featurePilot(radiance []Spec) []Spec {
	specs := make([]Spec, 0, len(radiance))
	for _, s := range radiance {
		s.Layer = Features
		specs = append(specs, s)
	}
	return specs
}

// features adds the tasks of a frame's feature layers, priced by a pilot of
// their own. They are cheap, so that the order of work puts them late in the
// frame, long after the first preview, where they fill the tail.
func (p planner) features(tasks []Task, frame int) []Task {
	p.opt.Tile = min(p.opt.Tile, maxFeatureTile)
	side := p.opt.Tile
	for side*2 <= maxFeatureTile {
		side *= 2
	}
	block := Spec{Frame: uint32(frame), Layer: Features, Log2: uint32(log2Floor(FeatureSamples(p.set.Samples)))}
	return p.pass(tasks, side, block, p.opt.TargetWork, false)
}

// halved limits the blocks of samples to half of the summing tree, so that a
// film with features has the halves that tell its noise.
func (o Options) halved(samples int) Options {
	o.MaxLog2 = min(o.MaxLog2, max(treeHeight(samples)-1, 0))
	return o
}

// maxFeatureTile is the most pixels a side of a feature task: 8 MiB of result.
const maxFeatureTile = 512
