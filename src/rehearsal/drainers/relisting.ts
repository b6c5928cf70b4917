export { autoscalerLikeDrainer } from './autoscaler-like.ts';
export { clusterApiLikeDrainer } from './cluster-api-like.ts';
export { karpenterLikeDrainer } from './karpenter-like.ts';
