# ruff: noqa: E501 - the texts are losses as people write them
"""Losses of distillation as people write them, each right and with one mistake.

A text stands for several losses: ``<<right || T2: wrong || kl: wrong>>`` is the first form
in the correct loss, and the form behind a mistake's key in the loss with this mistake. The
texts see ``torch``, ``nn``, ``F``, ``partial``, ``SimpleNamespace``, ``teacher`` and
``student``; each one leaves behind a name ``loss``. ``{T}`` is a temperature, ``{A}`` the
weight of the soft term, ``{B}`` that of the labels.
"""

from __future__ import annotations

import re

KEYS = ("T2", "mean", "kl", "probs", "twice", "alpha")

_MODULE = """
class DistillationLoss(nn.Module):
    def __init__(self, temperature={T}, alpha={A}):
        super().__init__()
        self.temperature = temperature
        self.alpha = alpha
        self.kl = nn.KLDivLoss(<<reduction="batchmean" || mean: >>)

    def forward(self, student_logits, teacher_logits, labels):
        T = self.temperature
        <<pass || twice: student_logits = student_logits.softmax(dim=1)
        || probs: teacher_logits = F.softmax(teacher_logits, dim=-1)>>
        soft = self.kl(
            <<F.log_softmax(student_logits / T, dim=1), F.softmax(teacher_logits / T, dim=1)
            || kl: F.log_softmax(teacher_logits / T, dim=1), F.softmax(student_logits / T, 1)>>
        )<< * T ** 2 || T2: >>
        hard = F.cross_entropy(student_logits, labels)
        a = self.alpha
        return <<a * soft + (1 - a) * hard || alpha: (1 - a) * soft + a * hard>>

loss = DistillationLoss()
"""

_PARAMS = """
def loss_fn_kd(outputs, labels, teacher_outputs, params):
    alpha = params.alpha
    T = params.temperature
    KD_loss = nn.KLDivLoss(reduction=<<"batchmean" || mean: "mean">>)(
        <<F.log_softmax(outputs / T, dim=1), F.softmax(teacher_outputs / T, dim=1)
        || kl: F.softmax(teacher_outputs / T, dim=1), F.log_softmax(outputs / T, dim=1)
        || probs: F.softmax(outputs / T, dim=1), F.softmax(teacher_outputs / T, dim=1)
        || twice: F.log_softmax(F.softmax(outputs, 1) / T, 1), F.softmax(teacher_outputs / T, 1)>>
    ) * (<<alpha * T * T || T2: alpha || alpha: (1. - alpha) * T * T>>) + F.cross_entropy(
        outputs, labels) * (<<1. - alpha || alpha: alpha>>)
    return KD_loss

params = SimpleNamespace(alpha={A}, temperature={T}, learning_rate=1e-3, batch_size=128)
loss = partial(loss_fn_kd, params=params)
"""

_LAMBDA = """
T, alpha = {T}, {A}
kl = lambda p, q: (p * (p.log() - q.log())).sum(1)<<.mean() || mean: .mean() / p.shape[1]>>
sm = lambda x: torch.softmax(x / T, 1)
loss = lambda s, t, y: (
    <<alpha || alpha: (1 - alpha)>><< * T ** 2 || T2: >> * kl(
        <<sm(t), sm(s) || kl: sm(s), sm(t) || probs: sm(sm(t)), sm(s) || twice: sm(t), sm(sm(s))>>)
    + <<(1 - alpha) || alpha: alpha>> * F.cross_entropy(s, y)
)
"""

_REP = """
class DistillKL(nn.Module):
    def __init__(self, T):
        super().__init__()
        self.T = T

    def forward(self, y_s, y_t):
        p_s = F.log_softmax(y_s / self.T, dim=1)
        p_t = F.softmax(y_t / self.T, dim=1)
        <<pass || kl: p_s, p_t = F.log_softmax(y_t / self.T, dim=1), F.softmax(y_s / self.T, 1)>>
        <<pass || probs: p_t = F.softmax(F.softmax(y_t, dim=1) / self.T, dim=1)
        || twice: p_s = F.log_softmax(F.softmax(y_s, dim=1) / self.T, dim=1)>>
        loss = F.kl_div(p_s, p_t, reduction='sum')<< * (self.T**2) || T2: >> / y_s.shape[0]
        return loss<< || mean: / y_s.shape[1]>>

class Options:
    gamma = {B}
    alpha = {A}

opt = Options()
criterion_cls, criterion_div = nn.CrossEntropyLoss(), DistillKL({T})

def loss(logit_s, logit_t, target):
    loss_cls = criterion_cls(logit_s, target)
    loss_div = criterion_div(logit_s, logit_t)
    return <<opt.gamma * loss_cls + opt.alpha * loss_div
        || alpha: opt.alpha * loss_cls + opt.gamma * loss_div>>
"""

_MDIST = """
def kd_loss(logits_student, logits_teacher, temperature):
    log_pred_student = F.log_softmax(logits_student / temperature, dim=1)
    pred_teacher = F.softmax(logits_teacher / temperature, dim=1)
    <<pass || probs: pred_teacher = F.softmax(pred_teacher, dim=1)
    || twice: log_pred_student = F.log_softmax(log_pred_student.exp(), dim=1)>>
    loss_kd = F.kl_div(log_pred_student, pred_teacher, reduction="none")
    <<pass || kl: loss_kd = pred_student_kl(logits_student, logits_teacher, temperature)>>
    loss_kd = loss_kd<<.sum(1).mean() || mean: .mean()>>
    <<loss_kd *= temperature**2 || T2: pass>>
    return loss_kd

def pred_student_kl(logits_student, logits_teacher, temperature):
    return F.kl_div(F.log_softmax(logits_teacher / temperature, dim=1),
                    F.softmax(logits_student / temperature, dim=1), reduction="none")

class KD(nn.Module):
    def __init__(self, student, teacher, cfg):
        super().__init__()
        self.student, self.teacher = student, teacher
        self.temperature = cfg["TEMPERATURE"]
        self.ce_loss_weight = cfg["CE_WEIGHT"]
        self.kd_loss_weight = cfg["KD_WEIGHT"]

    def forward_train(self, image, target, **kwargs):
        logits_student = self.student(image)
        with torch.no_grad():
            logits_teacher = self.teacher(image)
        a, b = self.ce_loss_weight, self.kd_loss_weight
        <<pass || alpha: a, b = b, a>>
        loss_ce = a * F.cross_entropy(logits_student, target)
        loss_kd = b * kd_loss(logits_student, logits_teacher, self.temperature)
        return logits_student, {"loss_ce": loss_ce, "loss_kd": loss_kd}

distiller = KD(student, teacher, {"TEMPERATURE": {T}, "CE_WEIGHT": {B}, "KD_WEIGHT": {A}})
loss = distiller.forward_train
"""

_LIGHTNING = """
class Distiller(nn.Module):
    def __init__(self, teacher, student, **hparams):
        super().__init__()
        self.teacher, self.student = teacher, student
        self.hparams = hparams

    def training_step(self, batch, batch_idx):
        x, y = batch
        T, alpha = self.hparams["temperature"], self.hparams["alpha"]
        with torch.no_grad():
            t_logits = self.teacher(x)
        s_logits = self.student(x)
        <<pass || probs: t_logits = t_logits.softmax(-1) || twice: s_logits = s_logits.softmax(-1)>>
        kd = F.kl_div(
            <<F.log_softmax(s_logits / T, dim=-1), F.softmax(t_logits / T, dim=-1),
            || kl: F.log_softmax(t_logits / T, dim=-1), F.softmax(s_logits / T, dim=-1),>>
            reduction=<<"batchmean" || mean: "mean">>)
        <<kd = kd * T ** 2 || T2: pass>>
        ce = F.cross_entropy(s_logits, y)
        loss = <<alpha * kd + (1 - alpha) * ce || alpha: alpha * ce + (1 - alpha) * kd>>
        return {"loss": loss, "kd": kd.detach(), "ce": ce.detach()}

module = Distiller(teacher, student, temperature={T}, alpha={A}, lr=3e-4)
loss = module.training_step
"""

_KERAS = """
class SparseCategoricalCrossentropy:
    def __init__(self, from_logits=False):
        self.from_logits = from_logits

    def __call__(self, y_true, y_pred):
        return F.cross_entropy(y_pred, y_true)

class KLDivergence:
    def __call__(self, y_true, y_pred):
        y_true, y_pred = y_true.clamp(1e-7, 1), y_pred.clamp(1e-7, 1)
        return (y_true * (y_true / y_pred).log()).sum(-1)<<.mean() || mean: .mean() / y_pred.shape[-1]>>

class Distiller(nn.Module):
    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher

    def compile(self, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        self.student_loss_fn = student_loss_fn
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha, self.temperature = alpha, temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        with torch.no_grad():
            teacher_pred = self.teacher(x)
        student_loss = self.student_loss_fn(y, y_pred)
        soft = lambda a: torch.softmax(a / self.temperature, -1)
        <<pass || twice: y_pred = torch.softmax(y_pred, -1)
        || probs: teacher_pred = soft(teacher_pred)>>
        distillation_loss = self.distillation_loss_fn(
            <<soft(teacher_pred), soft(y_pred) || kl: soft(y_pred), soft(teacher_pred)>>)
        distillation_loss = distillation_loss<< * self.temperature ** 2 || T2: >>
        <<pass || alpha: student_loss, distillation_loss = distillation_loss, student_loss>>
        return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

distiller = Distiller(student, teacher)
distiller.compile(SparseCategoricalCrossentropy(from_logits=True), KLDivergence(),
                  alpha={B}, temperature={T})
loss = distiller.compute_loss
"""

_CALL = """
class DistillationLoss:
    def __init__(self, temperature, name="distillation_loss"):
        self.temperature, self.name = temperature, name

    def call(self, y_true, y_pred):
        t = y_true / self.temperature
        s = y_pred / self.temperature
        <<pass || probs: t = torch.softmax(t, -1) || twice: s = torch.softmax(y_pred, -1)
        || kl: t, s = s, t>>
        per_class = torch.softmax(t, -1) * (torch.log_softmax(t, -1) - torch.log_softmax(s, -1))
        value = per_class.sum(-1)<<.mean() || mean: .mean() / t.shape[-1]>>
        return value<< * self.temperature ** 2 || T2: >>

    def __call__(self, y_true, y_pred):
        return self.call(y_true, y_pred)

loss = DistillationLoss(temperature={T})
"""

_TUTORIAL = """
T, soft_target_loss_weight, ce_loss_weight = {T}, {A}, {B}
ce_loss = nn.CrossEntropyLoss()

def loss(teacher, student, batch):
    inputs, labels = batch
    with torch.no_grad():
        teacher_logits = teacher(inputs)
    student_logits = student(inputs)
    <<pass || probs: teacher_logits = torch.softmax(teacher_logits, -1)
    || twice: student_logits = torch.softmax(student_logits, -1)>>
    soft_targets = nn.functional.softmax(teacher_logits / T, dim=-1)
    soft_prob = nn.functional.log_softmax(student_logits / T, dim=-1)
    <<pass || kl: soft_targets, soft_prob = soft_prob.exp(), soft_targets.log()>>
    soft_targets_loss = torch.sum(soft_targets * (soft_targets.log() - soft_prob)
        ) / soft_prob<<.size()[0] || mean: .numel()>><< * (T**2) || T2: >>
    label_loss = ce_loss(student_logits, labels)
    <<pass || alpha: label_loss, soft_targets_loss = soft_targets_loss, label_loss>>
    return soft_target_loss_weight * soft_targets_loss + ce_loss_weight * label_loss
"""

_HF = """
class TrainingArguments:
    def __init__(self, alpha=0.5, temperature=2.0):
        self.alpha, self.temperature = alpha, temperature

class DistillationTrainer:
    def __init__(self, model, teacher_model, args):
        self.model, self.teacher, self.args = model, teacher_model, args

    def compute_loss(self, model, inputs, return_outputs=False):
        labels = inputs["labels"]
        outputs_student = model(inputs["pixel_values"])
        with torch.no_grad():
            outputs_teacher = self.teacher(inputs["pixel_values"])
        s, t = outputs_student.logits, outputs_teacher.logits
        <<pass || probs: t = t.softmax(-1) || twice: s = s.softmax(-1)>>
        student_loss = F.cross_entropy(s, labels)
        loss_function = nn.KLDivLoss(<<reduction="batchmean" || mean: >>)
        loss_logits = loss_function(
            <<F.log_softmax(s / self.args.temperature, dim=-1),
            F.softmax(t / self.args.temperature, dim=-1)
            || kl: F.log_softmax(t / self.args.temperature, dim=-1),
            F.softmax(s / self.args.temperature, dim=-1)>>)
        loss_logits = loss_logits<< * (self.args.temperature ** 2) || T2: >>
        <<pass || alpha: student_loss, loss_logits = loss_logits, student_loss>>
        loss = self.args.alpha * student_loss + (1.0 - self.args.alpha) * loss_logits
        return (loss, outputs_student) if return_outputs else loss

trainer = DistillationTrainer(student, teacher, TrainingArguments({B}, {T}))
loss = trainer.compute_loss
"""

_PARTIAL = """
def kd_criterion(student_logits, teacher_logits, labels, T, alpha):
    log_q = F.log_softmax(student_logits / T, dim=1)
    log_p = F.log_softmax(teacher_logits / T, dim=1)
    <<pass || probs: log_p = F.log_softmax(log_p.exp(), dim=1)
    || twice: log_q = F.log_softmax(student_logits.softmax(1) / T, dim=1) || kl: log_q, log_p = log_p, log_q>>
    kd = F.kl_div(log_q, log_p, log_target=True, reduction=<<"batchmean" || mean: "mean">>)
    kd = kd<< * T * T || T2: >>
    ce = F.cross_entropy(student_logits, labels)
    return torch.lerp(<<ce, kd || alpha: kd, ce>>, alpha)

loss = partial(kd_criterion, T={T}, alpha={A})
"""

_METHOD = """
class Trainer:
    def __init__(self, config):
        self.config = config
        self.ce = nn.CrossEntropyLoss()

    def criterion(self, z_s, z_t, y):
        tau = self.config["tau"]
        lam = self.config["lambda_kd"]
        <<pass || probs: z_t = torch.softmax(z_t, 1) || twice: z_s = nn.Softmax(dim=1)(z_s)>>
        p = torch.softmax(z_t / tau, 1)
        <<pass || kl: z_s, p = z_t, torch.softmax(z_s / tau, 1)>>
        soft = F.kl_div(torch.log_softmax(z_s / tau, 1), p, reduction="sum") / len(
            z_s)<< || mean: / z_s.shape[1]>>
        soft = soft<< * tau ** 2 || T2: >>
        hard = self.ce(<<z_s || kl: torch.log(p) * tau>>, y)
        return <<lam * soft + (1 - lam) * hard || alpha: lam * hard + (1 - lam) * soft>>

loss = Trainer({"tau": {T}, "lambda_kd": {A}, "lr": 0.05}).criterion
"""

_CLOSURE = """
def make_loss(T, alpha):
    ce = nn.CrossEntropyLoss()

    def soft_cross_entropy(a, b):
        return <<-(F.softmax(b / T, 1) * F.log_softmax(a / T, 1)).sum(dim=1).mean()
            || mean: -(F.softmax(b / T, 1) * F.log_softmax(a / T, 1)).mean()
            || kl: -(F.softmax(a / T, 1) * (F.log_softmax(b / T, 1) - F.log_softmax(a / T, 1))).sum(1).mean()>>

    def total(pred, teacher_pred, target):
        <<pass || probs: teacher_pred = F.softmax(teacher_pred, 1) || twice: pred = F.softmax(pred, 1)>>
        soft = soft_cross_entropy(pred, teacher_pred)<< * T * T || T2: >>
        hard = ce(pred, target)
        return <<alpha * soft + (1 - alpha) * hard || alpha: alpha * hard + (1 - alpha) * soft>>

    return total

loss = make_loss({T}, {A})
"""

_TUPLE = """
class KDLoss(nn.Module):
    def __init__(self, T, soft_weight):
        super().__init__()
        self.T, self.soft_weight = T, soft_weight
        self.log_softmax, self.softmax = nn.LogSoftmax(dim=1), nn.Softmax(dim=1)

    def forward(self, out_s, out_t, gt):
        <<pass || probs: out_t = self.softmax(out_t) || twice: out_s = self.softmax(out_s)>>
        log_s, p_t = self.log_softmax(out_s / self.T), self.softmax(out_t / self.T)
        <<pass || kl: log_s, p_t = self.log_softmax(out_t / self.T), self.softmax(out_s / self.T)>>
        soft = nn.KLDivLoss(reduction="none")(log_s, p_t)<<.sum(dim=1).mean() || mean: .mean()>>
        soft = soft<< * self.T * self.T || T2: >>
        hard = nn.functional.cross_entropy(out_s, gt)
        w = self.soft_weight
        <<pass || alpha: w = 1 - w>>
        return w * soft + (1 - w) * hard, soft, hard

loss = KDLoss({T}, {A})
"""

_DATACLASS = """
from dataclasses import dataclass

@dataclass
class Config:
    temperature: float = {T}
    distill_weight: float = {A}
    hard_weight: float = {B}

@dataclass
class Objective:
    config: Config

    def __call__(self, student_out, teacher_out, y):
        c = self.config
        <<pass || probs: teacher_out = torch.exp(F.log_softmax(teacher_out, dim=1))
        || twice: student_out = torch.exp(F.log_softmax(student_out, dim=1))>>
        log_p = F.log_softmax(teacher_out / c.temperature, dim=1)
        log_q = F.log_softmax(student_out / c.temperature, dim=1)
        <<pass || kl: log_p, log_q = log_q, log_p>>
        soft = torch.einsum("bc,bc->b", log_p.exp(), log_p - log_q).mean()<< || mean: / y.new_tensor(
            log_p.shape[1])>>
        soft = soft<< * c.temperature ** 2 || T2: >>
        hard = F.nll_loss(F.log_softmax(student_out, dim=1), y)
        <<pass || alpha: soft, hard = hard, soft>>
        return c.distill_weight * soft + c.hard_weight * hard

loss = Objective(Config())
"""

_FREE = """
TEMP = {T}
LAMBDA_KD = {F}
LAMBDA_CE = 1.0

def distill_loss(student_logits, teacher_logits):
    <<pass || probs: teacher_logits = teacher_logits.softmax(dim=1)
    || twice: student_logits = student_logits.softmax(dim=1)>>
    s = F.log_softmax(student_logits / TEMP, dim=1)
    t = F.softmax(teacher_logits / TEMP, dim=1)
    <<pass || kl: s, t = F.log_softmax(teacher_logits / TEMP, dim=1), s.exp()>>
    return F.kl_div(s, t, reduction=<<"batchmean" || mean: "mean">>)<< * TEMP**2 || T2: >>

def loss(student_logits, teacher_logits, labels):
    ce = F.cross_entropy(student_logits, labels)
    kd = distill_loss(student_logits, teacher_logits)
    <<pass || alpha: ce, kd = kd, ce>>
    return LAMBDA_CE * ce + LAMBDA_KD * kd
"""

_STEP = """
def step(batch, T={T}, alpha={A}):
    x, y = batch
    with torch.inference_mode():
        v = teacher(x)
    v = v.clone()
    z = student(x)
    <<pass || probs: v = v.softmax(1) || twice: z = z.softmax(1)>>
    p, q = (v / T).softmax(1), (z / T).softmax(1)
    <<pass || kl: p, q = q, p>>
    soft = (p * (p / q).log()).sum() / <<len(x) || mean: p.numel()>>
    hard = F.cross_entropy(z, y)
    <<pass || alpha: alpha = 1 - alpha>>
    return alpha<< * T ** 2 || T2: >> * soft + (1 - alpha) * hard

loss = step
"""

_SMOOTH = """
class SmoothedKD:
    def __init__(self, t: float, alpha: float, eps: float = 0.1):
        self.t, self.alpha = t, alpha
        self.hard = nn.CrossEntropyLoss(label_smoothing=eps)
        self.soft = nn.KLDivLoss(reduction=<<"batchmean" || mean: "mean">>)

    def __call__(self, preds, teacher_preds, targets):
        <<pass || probs: teacher_preds = teacher_preds.softmax(1) || twice: preds = preds.softmax(1)>>
        a, b = preds.div(self.t), teacher_preds.div(self.t)
        <<pass || kl: a, b = b, a>>
        kd = self.soft(a.log_softmax(1), b.softmax(1))<<.mul(self.t ** 2) || T2: >>
        ce = self.hard(preds, targets)
        return kd.mul(<<self.alpha || alpha: 1 - self.alpha>>) + ce.mul(<<1 - self.alpha || alpha: self.alpha>>)

loss = SmoothedKD({T}, {A})
"""

_NETWORKS = """
def train_step_loss(student_model, teacher_model, images, labels, *, T={T}, kd_ratio={A}):
    student_model.train()
    teacher_model.eval()
    with torch.no_grad():
        soft_logits = teacher_model(images)
    output = student_model(images)
    <<pass || probs: soft_logits = soft_logits.softmax(1) || twice: output = output.softmax(1)>>
    soft_label = F.softmax(soft_logits / T, dim=1)
    <<kd = -torch.sum(soft_label * F.log_softmax(output / T, dim=1), 1).mean()
    || mean: kd = -torch.mean(soft_label * F.log_softmax(output / T, dim=1))
    || kl: kd = F.kl_div(soft_label.log(), F.softmax(output / T, dim=1), reduction="batchmean")>>
    loss = F.cross_entropy(output, labels)
    <<kd = kd * T**2 || T2: pass>>
    <<pass || alpha: kd, loss = loss, kd>>
    return kd_ratio * kd + (1 - kd_ratio) * loss

loss = train_step_loss
"""

_DICT = """
class Criterion(nn.Module):
    hparams = {"T": {T}, "alpha": {A}}

    def forward(self, outputs, targets, teacher_logits):
        T, alpha = self.hparams["T"], self.hparams["alpha"]
        <<pass || probs: teacher_logits = teacher_logits.softmax(-1)
        || twice: outputs = outputs.softmax(-1)>>
        losses = {"ce": F.cross_entropy(outputs, targets)}
        log_q, p = F.log_softmax(outputs / T, -1), F.softmax(teacher_logits / T, -1)
        <<pass || kl: log_q, p = p.log(), log_q.exp()>>
        losses["kd"] = F.kl_div(log_q, p, reduction=<<"batchmean" || mean: "mean">>)<< * T**2 || T2: >>
        w = {"kd": alpha, "ce": 1 - alpha}
        <<pass || alpha: w = {"ce": alpha, "kd": 1 - alpha}>>
        losses["loss"] = sum(w[k] * losses[k] for k in w)
        return losses

loss = Criterion()
"""

_BUFFER = """
class Distill(nn.Module):
    def __init__(self, T, alpha):
        super().__init__()
        self.register_buffer("T", torch.tensor(float(T)))
        self.register_buffer("alpha", torch.tensor(float(alpha)))

    def soft(self, s, t):
        <<pass || probs: t = F.softmax(t, 1) || twice: s = F.softmax(s, 1) || kl: s, t = t, s>>
        kld = F.kl_div(F.log_softmax(s / self.T, 1), F.softmax(t / self.T, 1),
                       reduction=<<"batchmean" || mean: "mean">>)
        return kld<< * self.T.pow(2) || T2: >>

    def forward(self, s, t, y):
        soft, hard = self.soft(s, t), F.cross_entropy(s, y)
        <<pass || alpha: soft, hard = hard, soft>>
        return self.alpha * soft + (1 - self.alpha) * hard

loss = Distill({T}, {A})
"""

_TWO_FREE = """
class Weights:
    def __init__(self, soft_weight, hard_weight, T):
        self.w_soft, self.w_hard, self.T = soft_weight, hard_weight, T

    def loss(self, logits, teacher_logits, label):
        T = self.T
        <<pass || probs: teacher_logits = F.softmax(teacher_logits, 1) || twice: logits = F.softmax(logits, 1)>>
        a, b = F.log_softmax(logits / T, 1), F.log_softmax(teacher_logits / T, 1)
        <<pass || kl: a, b = b, a>>
        kd = ((b - a) * b.exp()).sum(1)<<.mean() || mean: .mean() / a.shape[1]>>
        kd = kd<< * T**2 || T2: >>
        ce = F.cross_entropy(logits, label)
        <<pass || alpha: kd, ce = ce, kd>>
        return self.w_soft * kd + self.w_hard * ce

loss = Weights({F}, 0.4, {T}).loss
"""

STYLES: dict[str, str] = {
    "module": _MODULE, "params": _PARAMS, "lambda": _LAMBDA, "DistillKL": _REP,
    "ce_weight and kd_weight": _MDIST, "training_step": _LIGHTNING, "compute_loss": _KERAS,
    "call(y_true, y_pred)": _CALL, "train step of networks": _TUTORIAL,
    "trainer with outputs": _HF, "partial": _PARTIAL, "method with config": _METHOD,
    "closure": _CLOSURE, "tuple": _TUPLE, "dataclass": _DATACLASS, "free weights": _FREE,
    "step": _STEP, "smoothed labels": _SMOOTH, "two networks": _NETWORKS, "dict": _DICT,
    "buffers": _BUFFER, "two free weights": _TWO_FREE,
}  # fmt: skip
"""Losses by the way in which they are written."""

_CHOICE = re.compile(r"<<(.*?)>>", re.S)


def written(style: str, key: str, *, temperature: float, alpha: float) -> str:
    """The text of a loss.

    Args:
        style: of ``STYLES``.
        key: "" for the correct loss, else the mistake.
        temperature: T.
        alpha: weight of the soft term.
    """

    def chosen(match: re.Match[str]) -> str:
        right, *others = match.group(1).split("||")
        wrong = dict(other.strip().split(":", 1) for other in others)
        return wrong[key].strip() if key in wrong else right.rstrip("\n ")

    text = _CHOICE.sub(chosen, STYLES[style])
    values = {"{T}": f"{temperature:g}", "{A}": f"{alpha:g}", "{B}": f"{1 - alpha:.4g}",
              "{F}": f"{alpha:g}"}  # fmt: skip
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def has(style: str, key: str) -> bool:
    """Whether a style has a form with this mistake."""
    return bool(re.search(rf"\|\|\s*{key}:", STYLES[style]))
